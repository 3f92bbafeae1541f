#include "text/frame.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;

TEST(Frame, BertsHasTwoTokensAroundOneTextAndThreeAroundTwo) {
  const Frame frame = make_bert_frame(101, 102);
  EXPECT_EQ(frame.num_added(false), 2);
  EXPECT_EQ(frame.num_added(true), 3);
  EXPECT_EQ(frame.pair.back().id, 102);
  EXPECT_EQ(frame.pair.back().type_id, 1);
}

struct Case {
  int64_t first, second, budget, kept_first, kept_second;
};

// Recorded from the package: the longer text is cut to the shorter one, then both.
TEST(Truncate, LongestFirstCutsTheLongerText) {
  const Case cases[] = {{6, 6, 7, 3, 4}, {6, 6, 12, 6, 6}, {10, 2, 6, 4, 2}, {2, 10, 6, 2, 4},
                        {9, 5, 4, 2, 2}, {5, 9, 5, 2, 3},  {9, 5, 5, 3, 2},  {0, 9, 4, 0, 4},
                        {3, 3, 0, 0, 0}, {7, 1, 1, 1, 0}};
  for (const Case& c : cases) {
    const KeptTokens kept =
        truncate(c.first, c.second, true, c.budget, 0, Truncation::longest_first);
    EXPECT_EQ(kept.first, c.kept_first) << c.first << " " << c.second << " " << c.budget;
    EXPECT_EQ(kept.second, c.kept_second) << c.first << " " << c.second << " " << c.budget;
  }
}

TEST(Truncate, OneTextIsCutToTheBudget) {
  EXPECT_EQ(truncate(9, 0, false, 4, 0, Truncation::longest_first).first, 4);
  EXPECT_EQ(truncate(9, 0, false, 0, 0, Truncation::longest_first).first, 0);
  EXPECT_EQ(truncate(3, 0, false, 4, 0, Truncation::only_first).first, 3);
}

TEST(Truncate, OnlyOneOfAPairIsCut) {
  EXPECT_EQ(truncate(9, 5, true, 8, 0, Truncation::only_first).first, 3);
  EXPECT_EQ(truncate(9, 5, true, 8, 0, Truncation::only_first).second, 5);
  EXPECT_EQ(truncate(5, 9, true, 8, 0, Truncation::only_second).second, 3);
}

TEST(Truncate, WhatCanNotBeDoneIsAnError) {
  expect_error<LimitError>(
      [] { truncate(5, 9, true, 8, 0, Truncation::only_first); },
      "encode: first text: expected more than the 6 tokens that truncation must "
      "cut off it, got 5");
  expect_error<LimitError>([] { truncate(9, 0, false, 10, 2, Truncation::none); },
                           "encode: text: expected at most 10 tokens without truncation, got 11");
  expect_error<OptionError>(
      [] { truncate(9, 0, false, 8, 0, Truncation::only_second); },
      "encode: truncation: expected a second text with only_second, got one text");
}

std::vector<std::pair<size_t, size_t>> windows(int64_t length, int64_t kept, int64_t stride,
                                               Side cut) {
  std::vector<std::pair<size_t, size_t>> out;
  for (const TokenRange& range : make_windows(length, kept, stride, cut)) {
    out.emplace_back(range.begin, range.end);
  }
  return out;
}

using Ranges = std::vector<std::pair<size_t, size_t>>;

TEST(Windows, OverlapByTheStrideAndCoverAll) {
  EXPECT_EQ(windows(10, 4, 1, Side::right), (Ranges{{0, 4}, {3, 7}, {6, 10}}));
  EXPECT_EQ(windows(9, 4, 2, Side::right), (Ranges{{0, 4}, {2, 6}, {4, 8}, {6, 9}}));
  EXPECT_EQ(windows(10, 4, 0, Side::left), (Ranges{{6, 10}, {2, 6}, {0, 2}}));
  EXPECT_EQ(windows(4, 4, 0, Side::right), (Ranges{{0, 4}}));
  EXPECT_EQ(windows(0, 4, 0, Side::right), (Ranges{{0, 0}}));
}

TEST(Windows, MustAdvance) {
  expect_error<LimitError>([] { make_windows(10, 3, 3, Side::right); },
                           "encode_windows: stride: expected 0 to 2, as 3 tokens of the text fit "
                           "into a window, got 3");
  EXPECT_THROW(make_windows(10, 0, 0, Side::right), LimitError);
}

TEST(Frame, RobertasHasTwoSeparatorsBetweenTexts) {
  const Frame frame = make_roberta_frame(0, 2);
  EXPECT_EQ(frame.num_added(false), 2);
  EXPECT_EQ(frame.num_added(true), 4);
  EXPECT_EQ(frame.pair[4].source, Source::second);
  EXPECT_EQ(frame.pair[4].type_id, 0);
}

}  // namespace
}  // namespace nopad::text
