#include "nopad/text/padding.h"

#include <gtest/gtest.h>

#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Ints = std::vector<int64_t>;

std::vector<Encoding> make_encodings() {
  Encoding one, two;
  one.ids = {5};
  one.type_ids = {1};
  two.ids = {6, 7, 8};
  two.type_ids = {0, 0, 1};
  return {one, two};
}

TEST(Pad, ToTheLongest) {
  const PaddedEncodings padded = pad(make_encodings(), {.id = 9, .type_id = 2});
  EXPECT_EQ(padded.num_rows, 2);
  EXPECT_EQ(padded.length, 3);
  EXPECT_EQ(padded.ids, (Ints{5, 9, 9, 6, 7, 8}));
  EXPECT_EQ(padded.type_ids, (Ints{1, 2, 2, 0, 0, 1}));
  EXPECT_EQ(padded.attention_mask, (Ints{1, 0, 0, 1, 1, 1}));
}

TEST(Pad, OnTheLeft) {
  const PaddedEncodings padded = pad(make_encodings(), {.side = Side::left});
  EXPECT_EQ(padded.ids, (Ints{0, 0, 5, 6, 7, 8}));
  EXPECT_EQ(padded.attention_mask, (Ints{0, 0, 1, 1, 1, 1}));
}

TEST(Pad, ToALengthAndAMultiple) {
  EXPECT_EQ(pad(make_encodings(), {.length = 5}).length, 5);
  EXPECT_EQ(pad(make_encodings(), {.multiple_of = 4}).length, 4);
  EXPECT_EQ(pad(make_encodings(), {.length = 5, .multiple_of = 4}).length, 8);
  EXPECT_EQ(pad(make_encodings(), {.multiple_of = 3}).length, 3);
}

TEST(Pad, NothingToPad) {
  EXPECT_EQ(pad({}, {.length = 5}).ids.size(), 0u);
  EXPECT_EQ(pad({}, {}).length, 0);
  EXPECT_EQ(pad(std::vector<Encoding>(2), {}).ids.size(), 0u);
}

TEST(Pad, WhatCanNotBeDoneIsAnError) {
  expect_error<LimitError>([] { pad(make_encodings(), {.length = 2}); },
                           "pad: encodings: expected at most 2 tokens each, got 3");
  expect_error<LimitError>(
      [] { pad(make_encodings(), {.length = int64_t{1} << 31}); },
      "pad: encodings: expected at most 2147483648 tokens in all, got 2 times 2147483648");
  expect_error<OptionError>(
      [] { pad({}, {.multiple_of = -1}); },
      "pad: length, multiple_of, id, type_id: expected 0 or more, got 0, -1, 0, 0");
}

}  // namespace
}  // namespace nopad::text
