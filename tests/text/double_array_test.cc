#include "text/double_array.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "random.h"

namespace nopad::text {
namespace {

TEST(DoubleArray, FindsWholeKeysOnly) {
  const DoubleArray keys({{"the", 3}, {"them", 5}, {"", 7}});
  EXPECT_EQ(keys.find("the"), 3);
  EXPECT_EQ(keys.find("them"), 5);
  EXPECT_EQ(keys.find(""), 7);
  EXPECT_EQ(keys.find("th"), DoubleArray::kNone);
  EXPECT_EQ(keys.find("then"), DoubleArray::kNone);
}

TEST(DoubleArray, WithoutKeysFindsNothing) {
  const DoubleArray none;
  EXPECT_EQ(none.find(""), DoubleArray::kNone);
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(none.child(DoubleArray::kRoot, static_cast<unsigned char>(byte)),
              DoubleArray::kNoNode);
  }
}

TEST(DoubleArray, OfEqualKeysTheLargestValueCounts) {
  EXPECT_EQ(DoubleArray({{"a", 4}, {"a", 9}, {"a", 2}}).find("a"), 9);
}

// Wide nodes and long chains, high bytes and NUL among them.
TEST(DoubleArray, AgreesWithAMapOverRandomKeys) {
  test::Random random(12);
  const auto word = [&] {
    std::string out(static_cast<size_t>(random.integer(0, 6)), ' ');
    const int64_t letters = random.coin() ? 255 : 3;
    for (char& c : out) c = static_cast<char>(random.integer(0, letters));
    return out;
  };
  std::map<std::string, int32_t> expected;
  for (int32_t i = 0; i < 5000; ++i) expected[word()] = i;
  const DoubleArray keys(
      std::vector<std::pair<std::string_view, int32_t>>(expected.begin(), expected.end()));
  for (const auto& [key, value] : expected) ASSERT_EQ(keys.find(key), value);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = word();
    const auto found = expected.find(text);
    ASSERT_EQ(keys.find(text), found == expected.end() ? DoubleArray::kNone : found->second);
  }
}

}  // namespace
}  // namespace nopad::text
