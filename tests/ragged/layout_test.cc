#include "nopad/ragged/layout.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad {
namespace {

using Lengths = std::vector<int64_t>;

Tensor bools(const Shape& shape, const std::vector<int>& values) {
  Tensor out = Tensor::empty(shape, DType::boolean);
  for (size_t i = 0; i < values.size(); ++i) out.mutable_values<bool>()[i] = values[i] != 0;
  return out;
}

Lengths lengths_of(const RaggedLayout& layout) {
  Lengths out;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) out.push_back(layout.length(b));
  return out;
}

TEST(RaggedLayout, TheDefaultHasNoSequences) {
  const RaggedLayout layout;
  EXPECT_EQ(layout.num_sequences(), 0);
  EXPECT_EQ(layout.num_tokens(), 0);
  EXPECT_EQ(layout.max_length(), 0);
  EXPECT_EQ(layout.padded_width(), 0);
  EXPECT_EQ(layout.keep().shape(), Shape({0, 0}));
  EXPECT_EQ(layout.lengths().shape(), Shape{0});
  EXPECT_EQ(layout, RaggedLayout::from_lengths({}));
}

TEST(RaggedLayout, FromLengthsLaysSequencesEndToEnd) {
  const auto layout = RaggedLayout::from_lengths(Lengths{3, 0, 2});
  EXPECT_EQ(layout.num_sequences(), 3);
  EXPECT_EQ(layout.num_tokens(), 5);
  EXPECT_EQ(layout.max_length(), 3);
  EXPECT_EQ(layout.padded_width(), 3);
  EXPECT_EQ(layout.offset(1), 3);
  EXPECT_EQ(layout.offset(2), 3);
  EXPECT_EQ(layout.length(1), 0);
  EXPECT_TRUE(layout.is_left_aligned());
  EXPECT_EQ(layout.column(2, 1), 1);
  EXPECT_EQ(to_string(layout), "(B=3, T=5)");
  test::expect_same_bits(layout.keep(), bools({3, 3}, {1, 1, 1, 0, 0, 0, 1, 1, 0}));
}

TEST(RaggedLayout, FromLengthsRefusesWhatIsNoLength) {
  test::expect_error<LayoutError>(
      [] {
        RaggedLayout::from_lengths(Lengths{3, -1});
      },
      "RaggedLayout: lengths: expected 0 or more each and a total in 63 bits, got -1 for sequence "
      "1");
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(RaggedLayout::from_lengths(Lengths{huge}).num_tokens(), huge);
  EXPECT_THROW(RaggedLayout::from_lengths(Lengths{huge, 1}), LayoutError);
}

TEST(RaggedLayout, FromOffsetsRefusesWhatIsNoOffsets) {
  EXPECT_EQ(RaggedLayout::from_offsets(Lengths{0, 3, 3, 5}),
            RaggedLayout::from_lengths(Lengths{3, 0, 2}));
  const char* const kNotFromZero =
      "RaggedLayout: offsets: expected B + 1 of them, beginning with 0";
  test::expect_error<LayoutError>([] { RaggedLayout::from_offsets({}); }, kNotFromZero);
  test::expect_error<LayoutError>([] { RaggedLayout::from_offsets(Lengths{1, 2}); }, kNotFromZero);
  test::expect_error<LayoutError>(
      [] {
        RaggedLayout::from_offsets(Lengths{0, 4, 3});
      },
      "RaggedLayout: offsets: expected them never to fall, got 4 then 3 at sequence 1");
  EXPECT_THROW(RaggedLayout::from_offsets(Lengths{0, -5}), LayoutError);
}

TEST(RaggedLayout, FromKeepRemembersLeftPaddingAndHoles) {
  const Tensor keep = bools({3, 4}, {0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0});
  const auto layout = RaggedLayout::from_keep(keep);
  EXPECT_EQ(lengths_of(layout), (Lengths{2, 2, 0}));
  EXPECT_EQ(layout.padded_width(), 4);
  EXPECT_EQ(layout.max_length(), 2);
  EXPECT_FALSE(layout.is_left_aligned());
  EXPECT_EQ(layout.column(0, 0), 2);
  EXPECT_EQ(layout.column(1, 1), 2);
  test::expect_same_bits(layout.keep(), keep);
}

TEST(RaggedLayout, FromKeepWithRightPaddingIsLeftAlignedAndKeepsTheWidth) {
  const Tensor keep = bools({2, 3}, {1, 1, 0, 1, 0, 0});
  const auto layout = RaggedLayout::from_keep(keep);
  EXPECT_TRUE(layout.is_left_aligned());
  EXPECT_EQ(layout.padded_width(), 3);
  EXPECT_EQ(layout.max_length(), 2);
  test::expect_same_bits(layout.keep(), keep);
}

TEST(RaggedLayout, FromKeepOfNothingHasSequencesWithoutTokens) {
  const auto layout = RaggedLayout::from_keep(bools({2, 3}, {0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(layout.num_sequences(), 2);
  EXPECT_EQ(layout.num_tokens(), 0);
  EXPECT_EQ(layout.keep().shape(), Shape({2, 3}));
  EXPECT_EQ(RaggedLayout::from_keep(bools({2, 0}, {})).num_sequences(), 2);
  EXPECT_EQ(RaggedLayout::from_keep(bools({0, 7}, {})).padded_width(), 7);
}

TEST(RaggedLayout, FromKeepRefusesOtherShapesAndDtypes) {
  test::expect_error<ShapeError>(
      [] {
        RaggedLayout::from_keep(bools({2}, {1, 0}));
      },
      "RaggedLayout: keep: expected [B, L], got [2]");
  EXPECT_THROW(RaggedLayout::from_keep(Tensor::zeros({2, 3})), DTypeError);
}

TEST(RaggedLayout, RandomKeepsComeBackAsTheyWere) {
  test::Random random(11);
  for (int round = 0; round < 300; ++round) {
    const Tensor keep = random.coins({random.integer(0, 6), random.integer(0, 40)});
    const auto layout = RaggedLayout::from_keep(keep);
    test::expect_same_bits(layout.keep(), keep);
    EXPECT_EQ(layout, RaggedLayout::from_offsets(layout.offsets()));
  }
}

TEST(RaggedLayout, RandomLengthsComeBackAsTheyWere) {
  test::Random random(12);
  for (int round = 0; round < 300; ++round) {
    const Lengths lengths = random.lengths(random.integer(0, 9), 70);
    const auto layout = RaggedLayout::from_lengths(lengths);
    const Tensor stored = layout.lengths();
    EXPECT_EQ(Lengths(stored.values<int64_t>().begin(), stored.values<int64_t>().end()), lengths);
    EXPECT_EQ(layout, RaggedLayout::from_keep(layout.keep()));
  }
}

TEST(RaggedLayout, EqualityIsOfOffsetsAndNotOfColumns) {
  const auto right = RaggedLayout::from_keep(bools({2, 3}, {1, 1, 0, 1, 0, 0}));
  const auto left = RaggedLayout::from_keep(bools({2, 3}, {0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(right, left);
  EXPECT_EQ(right, RaggedLayout::from_lengths(Lengths{2, 1}));
  EXPECT_NE(right, RaggedLayout::from_lengths(Lengths{1, 2}));
  EXPECT_NE(right, RaggedLayout::from_lengths(Lengths{2, 1, 0}));
}

TEST(ExpectLayout, NamesTheOperandAndBothLayouts) {
  const auto query = RaggedLayout::from_lengths(Lengths{10, 4, 7});
  const auto other = RaggedLayout::from_lengths(Lengths{10, 4, 6});
  test::expect_error<LayoutError>(
      [&] { expect_layout(other, query, "attention: keep", "the query"); },
      "attention: keep: expected the query's layout (B=3, T=21), got (B=3, T=20)");
  EXPECT_NO_THROW(expect_layout(RaggedLayout::from_lengths(Lengths{10, 4, 7}), query, "x", "y"));
}

TEST(ExpectLayout, NamesTheSequenceWhereTheTotalsAgree) {
  const auto a = RaggedLayout::from_lengths(Lengths{1, 2, 3});
  const auto b = RaggedLayout::from_lengths(Lengths{1, 3, 2});
  test::expect_error<LayoutError>([&] { expect_layout(b, a, "add: y", "x"); },
                                  "add: y: expected x's layout (B=3, T=6), got (B=3, T=6) whose "
                                  "sequence 1 has 3 tokens, not 2");
}

}  // namespace
}  // namespace nopad
