#include "text/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Matches = std::vector<Regex::Match>;

Matches find(std::string_view pattern, std::string_view text) {
  return Regex(pattern, "t.json").find_all(text);
}

TEST(Regex, FindsAllMatchesFromLeftToRight) {
  EXPECT_EQ(find("a+", "aabaca"), (Matches{{0, 2}, {3, 4}, {5, 6}}));
  EXPECT_EQ(find("b", "aaa"), Matches{});
  EXPECT_EQ(find("a", ""), Matches{});
}

TEST(Regex, AnEmptyMatchDoesNotStopTheSearch) {
  EXPECT_EQ(find("x*", "a\u00e9x"), (Matches{{0, 0}, {1, 1}, {3, 4}, {4, 4}}));
}

TEST(Regex, ClassesAreThoseOfOniguruma) {
  EXPECT_EQ(find(R"(\s)", "a\u3000b\u180e"), (Matches{{1, 4}}));
  EXPECT_EQ(find(R"([\s,]+)", "a\u00a0,b"), (Matches{{1, 4}}));
  EXPECT_EQ(find(R"(\S+)", " ab "), (Matches{{1, 3}}));
  EXPECT_EQ(find(R"(\w+)", "e\u0301_\u00bd-"), (Matches{{0, 6}}));
  EXPECT_EQ(find(R"(\W)", "a-b"), (Matches{{1, 2}}));
  EXPECT_EQ(find(R"(\h+)", "xAf0g"), (Matches{{1, 4}}));
  EXPECT_EQ(find(R"(\p{L}+)",
                 "1\U00031350"
                 "2"),
            (Matches{{1, 5}}));  // a letter since Unicode 15.0
  EXPECT_EQ(find(R"([^\s\p{L}\p{N}]+)", "a?! \U00031350\u2163"), (Matches{{1, 3}}));
  EXPECT_EQ(find(R"(\\s)", R"(a\s)"), (Matches{{1, 3}}));
}

TEST(Regex, RefusesWhatIsNone) {
  expect_error<FormatError>(
      [] { Regex("a(", "t.json: pre_tokenizer"); },
      "t.json: pre_tokenizer: pattern: expected a regular expression, got \"a(\" (missing closing "
      "parenthesis)");
  expect_error<FormatError>([] { Regex(std::string(70'000, 'a'), "t.json"); },
                            "t.json: pattern: expected at most 65536 bytes, got 70000");
  EXPECT_THROW(Regex(R"(\C)", "t.json"), FormatError);  // may cut characters apart
  EXPECT_THROW(Regex(std::string(10'000, '('), "t.json"), FormatError);
}

TEST(Regex, GivesUpOnPatternsThatBacktrackWithoutEnd) {
  EXPECT_THROW(find("(a+)+$", std::string(40, 'a') + "b"), LimitError);
  EXPECT_THROW(find("(?:a|aa)+$", std::string(60, 'a') + "b"), LimitError);
}

TEST(Regex, LongTextsAreNoLimit) {
  EXPECT_EQ(find(R"(\s+(?!\S)|\s+)", std::string(1'000'000, ' ')).size(), 1u);
  EXPECT_EQ(find(R"(\p{L}+)", std::string(1'000'000, '^')).size(), 0u);
}

}  // namespace
}  // namespace nopad::text
