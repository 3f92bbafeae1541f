#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace nopad::text {
namespace {

using Parts = std::vector<std::tuple<int32_t, std::string>>;

AddedTokenMatcher make_matcher(std::initializer_list<AddedToken> tokens) {
  AddedTokenMatcher matcher;
  for (const AddedToken& token : tokens) matcher.add(token.content, token);
  matcher.finish();
  return matcher;
}

Parts split(const AddedTokenMatcher& matcher, std::string_view text, bool special = true) {
  Parts out;
  for (const TextPart& part : matcher.split(text, special)) {
    out.emplace_back(part.id, text.substr(part.begin, part.end - part.begin));
  }
  return out;
}

TEST(AddedTokens, AreFoundInsideText) {
  const auto matcher = make_matcher({{.content = "[SEP]", .id = 3}});
  EXPECT_EQ(split(matcher, "a[SEP]b"), (Parts{{-1, "a"}, {3, "[SEP]"}, {-1, "b"}}));
  EXPECT_EQ(split(matcher, "[SEP]"), (Parts{{3, "[SEP]"}}));
  EXPECT_EQ(split(matcher, "[sep] [SE"), (Parts{{-1, "[sep] [SE"}}));
  EXPECT_EQ(split(matcher, ""), Parts{});
}

TEST(AddedTokens, TheLongestOfThoseThatBeginFirstWins) {
  const auto matcher = make_matcher(
      {{.content = "ab", .id = 1}, {.content = "abcd", .id = 2}, {.content = "bc", .id = 3}});
  EXPECT_EQ(split(matcher, "abc abcd"), (Parts{{1, "ab"}, {-1, "c "}, {2, "abcd"}}));
}

TEST(AddedTokens, OfOnePatternTheFirstTokenCounts) {
  const auto matcher = make_matcher({{.content = "x", .id = 5}, {.content = "x", .id = 6}});
  EXPECT_EQ(split(matcher, "x"), (Parts{{5, "x"}}));
}

TEST(AddedTokens, StripTakesTheWhiteSpaceBeside) {
  const auto left = make_matcher({{.content = "M", .id = 1, .lstrip = true}});
  EXPECT_EQ(split(left, "a \u3000M b"), (Parts{{-1, "a"}, {1, " \u3000M"}, {-1, " b"}}));
  const auto right = make_matcher({{.content = "M", .id = 1, .rstrip = true}});
  EXPECT_EQ(split(right, "a M \tb"), (Parts{{-1, "a "}, {1, "M \t"}, {-1, "b"}}));
  const auto both = make_matcher({{.content = "M", .id = 1, .lstrip = true, .rstrip = true}});
  EXPECT_EQ(split(both, " M  M "), (Parts{{1, " M  "}, {1, "M "}}));
}

TEST(AddedTokens, SingleWordsNeedNoWordCharacterBeside) {
  const auto matcher = make_matcher({{.content = "lib", .id = 1, .single_word = true}});
  EXPECT_EQ(split(matcher, "lib-lib"), (Parts{{1, "lib"}, {-1, "-"}, {1, "lib"}}));
  for (const char* text : {"libs", "_lib", "\u00e9lib", "lib\u0301", "9lib"}) {
    EXPECT_EQ(split(matcher, text), (Parts{{-1, text}})) << text;
  }
}

TEST(AddedTokens, SpecialOnesCanBeLeftInTheText) {
  const auto matcher =
      make_matcher({{.content = "[SEP]", .id = 3, .special = true}, {.content = "foo", .id = 4}});
  EXPECT_EQ(split(matcher, "foo[SEP]", false), (Parts{{4, "foo"}, {-1, "[SEP]"}}));
}

}  // namespace
}  // namespace nopad::text
