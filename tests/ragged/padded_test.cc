#include "nopad/ragged/padded.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad {
namespace {

using test::bools;
using test::list;
using test::tensor_of;

constexpr std::array kAllDTypes = {DType::f32, DType::f64, DType::bf16, DType::i8,
                                   DType::u8,  DType::i32, DType::i64,  DType::boolean};

// A padded batch with holes: [[_, 1, 2], [3, _, 4], [_, _, _]].
const std::vector<int32_t> kIds = {-9, 1, 2, 3, -9, 4, -9, -9, -9};
const std::vector<int> kKeep = {0, 1, 1, 1, 0, 1, 0, 0, 0};

RaggedTensor with_holes() {
  return from_padded(tensor_of<int32_t>({3, 3}, kIds), bools({3, 3}, kKeep));
}

TEST(FromPadded, TakesTheKeptTokensInOrder) {
  const RaggedTensor ragged = with_holes();
  EXPECT_EQ(list<int32_t>(ragged.values()), (std::vector<int32_t>{1, 2, 3, 4}));
  EXPECT_EQ(list<int64_t>(ragged.layout().lengths()), (std::vector<int64_t>{2, 2, 0}));
  test::expect_same_bits(ragged.layout().keep(), bools({3, 3}, kKeep));
}

TEST(FromPadded, TakesWholeRowsOfFeatures) {
  const Tensor values = tensor_of<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6});
  const RaggedTensor ragged = from_padded(values, bools({1, 3}, {1, 0, 1}));
  EXPECT_EQ(ragged.values().shape(), Shape({2, 2}));
  EXPECT_EQ(list<float>(ragged.values()), (std::vector<float>{1, 2, 5, 6}));
}

TEST(FromPadded, LengthsMeanPaddingOnTheRight) {
  const std::vector<int64_t> lengths = {2, 0, 3};
  const Tensor values = tensor_of<int32_t>({3, 4}, {1, 2, 0, 0, 0, 0, 0, 0, 3, 4, 5, 0});
  const RaggedTensor ragged = from_padded(values, lengths);
  EXPECT_EQ(list<int32_t>(ragged.values()), (std::vector<int32_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(ragged.layout().padded_width(), 4);
  EXPECT_TRUE(ragged.layout().is_left_aligned());
}

TEST(FromPadded, WhatStandsInThePaddingIsNeverSeen) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor values = tensor_of<float>({2, 3}, {nan, 1, 2, 3, nan, INFINITY});
  const RaggedTensor ragged = from_padded(values, bools({2, 3}, {0, 1, 1, 1, 0, 0}));
  EXPECT_EQ(list<float>(ragged.values()), (std::vector<float>{1, 2, 3}));
}

TEST(FromPadded, ACopyIsTakenAndNotAView) {
  Tensor values = tensor_of<float>({1, 2}, {1, 2});
  const RaggedTensor ragged = from_padded(values, std::vector<int64_t>{2});
  values.mutable_values<float>()[0] = 9;
  EXPECT_EQ(list<float>(ragged.values()), (std::vector<float>{1, 2}));
}

TEST(FromPadded, NothingKeptHasNoTokens) {
  const RaggedTensor none =
      from_padded(Tensor::zeros({2, 3, 4}), bools({2, 3}, {0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(none.values().shape(), Shape({0, 4}));
  EXPECT_EQ(none.layout().num_sequences(), 2);
  const RaggedTensor empty = from_padded(Tensor::zeros({0, 3, 4}), std::vector<int64_t>{});
  EXPECT_EQ(empty.values().shape(), Shape({0, 4}));
  EXPECT_EQ(empty.layout().padded_width(), 3);
  const RaggedTensor no_features = from_padded(Tensor::zeros({1, 2, 0}), std::vector<int64_t>{2});
  EXPECT_EQ(no_features.values().shape(), Shape({2, 0}));
}

TEST(FromPadded, OtherShapesAndDtypesAreRefused) {
  const Tensor values = Tensor::zeros({2, 3, 4});
  test::expect_error<ShapeError>(
      [&] {
        from_padded(values, bools({2, 2}, {1, 1, 1, 1}));
      },
      "from_padded: keep: expected [2, 3], got [2, 2]");
  test::expect_error<ShapeError>(
      [&] {
        from_padded(values, bools({1, 6}, {1, 1, 1, 1, 1, 1}));
      },
      "from_padded: keep: expected [2, 3], got [1, 6]");
  test::expect_error<ShapeError>(
      [&] {
        from_padded(Tensor::zeros({4}), bools({4}, {1, 1, 1, 1}));
      },
      "from_padded: values: expected [B, L, ...], got [4]");
  test::expect_error<DTypeError>(
      [&] {
        from_padded(values, Tensor::zeros({2, 3}));
      },
      "from_padded: keep: expected bool, got f32");
  test::expect_error<ShapeError>(
      [&] {
        from_padded(values, Tensor::zeros({2, 3, 1}, DType::boolean));
      },
      "from_padded: keep: expected [2, 3], got [2, 3, 1]");
}

TEST(FromPadded, LengthsBeyondTheBatchAreRefused) {
  const Tensor values = Tensor::zeros({2, 4});
  const auto from_lengths = [&](std::vector<int64_t> lengths) { from_padded(values, lengths); };
  // PyTorch's pack_padded_sequence accepts these two silently.
  test::expect_error<LayoutError>(
      [&] {
        from_lengths({4, 6});
      },
      "from_padded: lengths: expected 0 to 4, got 6 for sequence 1");
  test::expect_error<LayoutError>(
      [&] {
        from_lengths({-1, 4});
      },
      "from_padded: lengths: expected 0 to 4, got -1 for sequence 0");
  test::expect_error<ShapeError>([&] { from_lengths({1}); },
                                 "from_padded: values: expected [B, L, ...] with B=1, got [2, 4]");
}

TEST(ToPadded, PutsEachTokenIntoItsOwnColumn) {
  test::expect_same_bits(to_padded(with_holes(), {.fill = -9}), tensor_of<int32_t>({3, 3}, kIds));
}

TEST(ToPadded, PutsPaddingToTheSideAskedFor) {
  EXPECT_EQ(list<int32_t>(to_padded(with_holes(), {.side = Side::right})),
            (std::vector<int32_t>{1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(list<int32_t>(to_padded(with_holes(), {.side = Side::right, .total_length = 3})),
            (std::vector<int32_t>{1, 2, 0, 3, 4, 0, 0, 0, 0}));
  EXPECT_EQ(list<int32_t>(to_padded(with_holes(), {.side = Side::left, .total_length = 3})),
            (std::vector<int32_t>{0, 1, 2, 0, 3, 4, 0, 0, 0}));
}

TEST(ToPadded, TotalLengthAddsColumnsAndTakesNoneAway) {
  const Tensor wide = to_padded(with_holes(), {.total_length = 4});
  EXPECT_EQ(list<int32_t>(wide), (std::vector<int32_t>{0, 1, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0}));
  test::expect_error<OptionError>([] { to_padded(with_holes(), {.total_length = 2}); },
                                  "to_padded: total_length: expected 3 or more, got 2");
  test::expect_error<OptionError>(
      [] { to_padded(with_holes(), {.side = Side::left, .total_length = 1}); },
      "to_padded: total_length: expected 2 or more, got 1");
  EXPECT_THROW(to_padded(with_holes(), {.total_length = -1}), OptionError);
}

TEST(ToPadded, FillsEveryDtype) {
  for (const DType dtype : kAllDTypes) {
    const RaggedTensor ragged(Tensor::zeros({1, 2}, dtype),
                              RaggedLayout::from_lengths(std::vector<int64_t>{1, 0}));
    const Tensor padded = to_padded(ragged, {.fill = 1});
    EXPECT_EQ(padded.dtype(), dtype);
    EXPECT_EQ(list<float>(padded.to(DType::f32)), (std::vector<float>{0, 0, 1, 1}));
  }
}

TEST(ToPadded, AFillThatTheDtypeDoesNotHoldIsRefused) {
  const auto fill = [](DType dtype, double value) {
    to_padded(RaggedTensor(Tensor::zeros({0}, dtype), {}), {.fill = value});
  };
  test::expect_error<OptionError>([&] { fill(DType::i32, -1.5); },
                                  "to_padded: fill: expected a value of i32, got -1.5");
  test::expect_error<OptionError>([&] { fill(DType::i8, 128); },
                                  "to_padded: fill: expected a value of i8, got 128");
  EXPECT_THROW(fill(DType::u8, -1), OptionError);
  EXPECT_THROW(fill(DType::boolean, 2), OptionError);
  EXPECT_THROW(fill(DType::i64, NAN), OptionError);
  EXPECT_THROW(fill(DType::i64, std::ldexp(1.0, 63)), OptionError);
  EXPECT_NO_THROW(fill(DType::i64, -std::ldexp(1.0, 63)));
  EXPECT_NO_THROW(fill(DType::i8, -128));
  EXPECT_NO_THROW(fill(DType::f32, NAN));
}

TEST(ToPadded, WithoutTokensOnlyPaddingComes) {
  const RaggedTensor empty(Tensor::zeros({0, 2}),
                           RaggedLayout::from_lengths(std::vector<int64_t>{0}));
  EXPECT_EQ(list<float>(to_padded(empty, {.fill = 7, .total_length = 1})),
            (std::vector<float>{7, 7}));
  EXPECT_EQ(to_padded(empty).shape(), Shape({1, 0, 2}));
  EXPECT_EQ(to_padded(RaggedTensor()).shape(), Shape({0, 0}));
}

// Random batches of every dtype with any holes: out and in again, and in and out again.
TEST(ToPadded, IsTheInverseOfFromPadded) {
  test::Random random(51);
  for (int round = 0; round < 300; ++round) {
    const int64_t width = random.integer(0, 40);
    const Tensor keep = random.coins({random.integer(0, 6), width});
    const DType dtype = kAllDTypes[static_cast<size_t>(random.integer(0, 7))];
    const Shape shape{keep.dim(0), width, random.integer(0, 3), 2};
    const Tensor values = random.tensor(shape, -100, 100).to(dtype);
    const RaggedTensor ragged = from_padded(values, keep);
    const Tensor padded = to_padded(ragged, {.fill = 1});
    ASSERT_EQ(padded.shape(), shape);
    test::expect_same_bits(from_padded(padded, keep).values(), ragged.values());
    test::expect_same_bits(to_padded(from_padded(padded, ragged.layout().keep()), {.fill = 1}),
                           padded);
  }
}

// Whatever side and width: the same tokens come back, and the rest is the fill.
TEST(ToPadded, KeepsEveryTokenOnEitherSide) {
  test::Random random(52);
  for (int round = 0; round < 300; ++round) {
    const std::vector<int64_t> lengths = random.lengths(random.integer(1, 6), 40);
    const auto layout = RaggedLayout::from_lengths(lengths);
    const RaggedTensor ragged(random.tensor({layout.num_tokens()}), layout);
    const Side side = random.coin() ? Side::left : Side::right;
    const int64_t width = layout.max_length() + random.integer(1, 5);
    const Tensor padded = to_padded(ragged, {.fill = 99, .side = side, .total_length = width});
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const Tensor row = padded.rows(b, b + 1).reshape({width});
      const int64_t begin = side == Side::right ? 0 : width - layout.length(b);
      const int64_t end = begin + layout.length(b);
      test::expect_same_bits(row.rows(begin, end), ragged.sequence(b));
      for (int64_t i = 0; i < width; ++i) {
        if (begin <= i && i < end) continue;
        EXPECT_EQ(row.values<float>()[static_cast<size_t>(i)], 99);
      }
    }
  }
}

TEST(ToPadded, AGradientIsNotLostInSilence) {
  Tensor leaf = Tensor::zeros({2, 3});
  autograd::require_grad(leaf);
  const std::string rest =
      ": expected a detached tensor, got one whose gradient is wanted and would be lost";
  const RaggedTensor ragged(leaf, RaggedLayout::from_lengths(std::vector<int64_t>{2}));
  test::expect_error<OptionError>([&] { to_padded(ragged); }, "to_padded: tensor" + rest);
  test::expect_error<OptionError>(
      [&] {
        from_padded(leaf, std::vector<int64_t>{1, 2});
      },
      "from_padded: values" + rest);
}

}  // namespace
}  // namespace nopad
