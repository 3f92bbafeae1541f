#include "text/trie.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "random.h"

namespace nopad::text {
namespace {

TEST(Trie, FindsWholeKeysOnly) {
  const Trie trie({{"the", 3}, {"them", 5}, {"", 7}});
  EXPECT_EQ(trie.find("the"), 3);
  EXPECT_EQ(trie.find("them"), 5);
  EXPECT_EQ(trie.find(""), 7);
  EXPECT_EQ(trie.find("th"), Trie::kNone);
  EXPECT_EQ(trie.find("then"), Trie::kNone);
}

TEST(Trie, WithoutKeysFindsNothing) {
  const Trie trie;
  EXPECT_EQ(trie.find(""), Trie::kNone);
  EXPECT_EQ(trie.find("a"), Trie::kNone);
  EXPECT_EQ(trie.longest_match("a").num_bytes, 0u);
}

TEST(Trie, OfEqualKeysTheLargestValueCounts) {
  EXPECT_EQ(Trie({{"a", 4}, {"a", 9}, {"a", 2}}).find("a"), 9);
}

TEST(Trie, LongestMatchFallsBackToTheLastKeyOnTheWay) {
  const Trie trie({{"un", 1}, {"unaff", 2}, {"unaffable!", 3}});
  EXPECT_EQ(trie.longest_match("unaffable").value, 2);
  EXPECT_EQ(trie.longest_match("unaffable").num_bytes, 5u);
  EXPECT_EQ(trie.longest_match("une").value, 1);
  EXPECT_EQ(trie.longest_match("u").value, Trie::kNone);
}

TEST(Trie, LongestMatchReadsOnFromAnyNode) {
  const Trie trie({{"##a", 1}, {"##ab", 2}, {"a", 3}});
  EXPECT_EQ(trie.longest_match("abc", trie.walk("##")).value, 2);
  EXPECT_EQ(trie.longest_match("abc").value, 3);
}

// Few letters, high bytes and NUL among them, so that keys share much.
TEST(Trie, AgreesWithAMapOverRandomKeys) {
  test::Random random(11);
  constexpr std::string_view kLetters("ab\0\xff\x80", 5);
  const auto word = [&] {
    std::string out(static_cast<size_t>(random.integer(0, 7)), ' ');
    for (char& c : out) c = kLetters[static_cast<size_t>(random.integer(0, 4))];
    return out;
  };
  std::map<std::string, int32_t> expected;
  for (int32_t i = 0; i < 3000; ++i) expected[word()] = i;
  std::vector<std::pair<std::string_view, int32_t>> keys(expected.begin(), expected.end());
  const Trie trie(std::move(keys));
  for (int i = 0; i < 20000; ++i) {
    const std::string text = word();
    const auto found = expected.find(text);
    ASSERT_EQ(trie.find(text), found == expected.end() ? Trie::kNone : found->second);
    size_t longest = text.size();
    while (longest > 0 && !expected.contains(text.substr(0, longest))) --longest;
    ASSERT_EQ(trie.longest_match(text).num_bytes, longest);
  }
}

}  // namespace
}  // namespace nopad::text
