#include "text/frame.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace nopad::text
