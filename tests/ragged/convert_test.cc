#include "nopad/ragged/convert.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
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

constexpr std::array kAllDTypes = {DType::f32, DType::f64, DType::bf16, DType::i8,
                                   DType::u8,  DType::i32, DType::i64,  DType::boolean};

template <class T>
Tensor tensor_of(const Shape& shape, const std::vector<T>& values) {
  return Tensor::from_values(std::span<const T>(values), shape);
}

Tensor bools(const Shape& shape, const std::vector<int>& values) {
  return tensor_of<int32_t>(shape, values).to(DType::boolean);
}

template <class T>
std::vector<T> list(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

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

// The first rows are what Keras 3.15.1 prints for the same calls.
TEST(PadSequences, DefaultsAreThoseOfKeras) {
  const Tensor padded = pad_sequences({{1, 2, 3}, {4}});
  EXPECT_EQ(padded.dtype(), DType::i32);
  EXPECT_EQ(padded.shape(), Shape({2, 3}));
  EXPECT_EQ(list<int32_t>(padded), (std::vector<int32_t>{1, 2, 3, 0, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{1, 2, 3}, {4}}, {.max_length = 2})),
            (std::vector<int32_t>{2, 3, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{}, {1}}, {.value = 9})), (std::vector<int32_t>{9, 1}));
}

TEST(PadSequences, PadsAndCutsAtEitherSide) {
  const std::vector<std::vector<int64_t>> ids = {{1, 2, 3}, {4}};
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.padding = Side::right})),
            (std::vector<int32_t>{1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 2, .truncating = Side::right})),
            (std::vector<int32_t>{1, 2, 0, 4}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 2, .padding = Side::right})),
            (std::vector<int32_t>{2, 3, 4, 0}));
  EXPECT_EQ(list<int32_t>(pad_sequences(ids, {.max_length = 5, .value = -1})),
            (std::vector<int32_t>{-1, -1, 1, 2, 3, -1, -1, -1, -1, 4}));
}

TEST(PadSequences, TheNotebooksIdsPadOnTheRight) {
  const Tensor padded =
      pad_sequences({{83, 91, 1, 645, 1253, 927}, {73, 8, 3215, 55, 927}, {711, 632, 71}},
                    {.padding = Side::right});
  EXPECT_EQ(list<int32_t>(padded), (std::vector<int32_t>{83, 91, 1, 645, 1253, 927, 73, 8, 3215, 55,
                                                         927, 0, 711, 632, 71, 0, 0, 0}));
}

// Two braces inside two more could be taken for a pair of iterators.
TEST(PadSequences, PairsOfIdsAreIds) {
  EXPECT_EQ(list<int32_t>(pad_sequences({{5, 6}})), (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(list<int32_t>(pad_sequences({{1, 2}, {3, 4}})), (std::vector<int32_t>{1, 2, 3, 4}));
}

TEST(PadSequences, WithoutIdsThereIsOnlyPaddingOrNothing) {
  EXPECT_EQ(pad_sequences({}).shape(), Shape({0, 0}));
  EXPECT_EQ(pad_sequences({}, {.max_length = 4}).shape(), Shape({0, 4}));
  EXPECT_EQ(pad_sequences(std::vector<std::vector<int64_t>>(1)).shape(), Shape({1, 0}));
}

TEST(PadSequences, IdsBeyondTheDtypeAreRefused) {
  const int64_t large = int64_t{1} << 40;
  test::expect_error<InputError>(
      [&] {
        pad_sequences({{1}, {2, large}});
      },
      "pad_sequences: sequence 1: expected ids of i32, got 1099511627776 at index 1");
  EXPECT_EQ(list<int64_t>(pad_sequences({{large}}, {.dtype = DType::i64})),
            (std::vector<int64_t>{large}));
  test::expect_error<OptionError>([&] { pad_sequences({{1}}, {.value = -large}); },
                                  "pad_sequences: value: expected one of i32, got -1099511627776");
}

TEST(PadSequences, ImpossibleSettingsAreRefused) {
  test::expect_error<OptionError>([] { pad_sequences({{1}}, {.max_length = 0}); },
                                  "pad_sequences: max_length: expected 1 or more, got 0");
  test::expect_error<DTypeError>([] { pad_sequences({{1}}, {.dtype = DType::f32}); },
                                 "pad_sequences: dtype: expected i32 or i64, got f32");
}

TEST(PadSequences, RandomIdsComeBackThroughFromPadded) {
  test::Random random(53);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<int64_t>> ids;
    for (const int64_t length : random.lengths(random.integer(0, 6), 40)) {
      ids.emplace_back();
      for (int64_t i = 0; i < length; ++i) ids.back().push_back(random.integer(1, 5000));
    }
    const Side side = random.coin() ? Side::left : Side::right;
    const Tensor padded = pad_sequences(ids, {.padding = side, .dtype = DType::i64});
    const RaggedTensor ragged = from_padded(padded, padded.to(DType::boolean));
    for (size_t b = 0; b < ids.size(); ++b) {
      EXPECT_EQ(list<int64_t>(ragged.sequence(static_cast<int64_t>(b))), ids[b]);
    }
  }
}

TEST(KeepFromHfAttentionMask, OneIsKeptInAnyDtype) {
  for (const DType dtype : kAllDTypes) {
    const Tensor attention_mask = bools({2, 2}, {1, 0, 0, 1}).to(dtype);
    test::expect_same_bits(keep_from_hf_attention_mask(attention_mask),
                           bools({2, 2}, {1, 0, 0, 1}));
  }
}

TEST(KeepFromHfAttentionMask, OtherValuesAndShapesAreRefused) {
  test::expect_error<InputError>(
      [] {
        keep_from_hf_attention_mask(tensor_of<float>({2, 3}, {1, 1, 0, 1, 1, 0.75f}));
      },
      "keep_from_hf_attention_mask: attention_mask: expected 0 or 1, got 0.75 at [1, 2]");
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<int64_t>({1, 2}, {1, -1})), InputError);
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<float>({1, 2}, {1, NAN})), InputError);
  // An additive mask, and a four-dimensional one.
  EXPECT_THROW(keep_from_hf_attention_mask(tensor_of<float>({1, 2}, {0, -INFINITY})), InputError);
  test::expect_error<ShapeError>(
      [] {
        keep_from_hf_attention_mask(Tensor::zeros({1, 1, 2, 2}));
      },
      "keep_from_hf_attention_mask: attention_mask: expected [B, L], got [1, 1, 2, 2]");
}

TEST(KeepFromTorchKeyPaddingMask, TrueIsIgnored) {
  test::expect_same_bits(keep_from_torch_key_padding_mask(bools({1, 3}, {0, 0, 1})),
                         bools({1, 3}, {1, 1, 0}));
}

TEST(KeepFromTorchKeyPaddingMask, FloatsAndOtherShapesAreRefused) {
  test::expect_error<DTypeError>(
      [] {
        keep_from_torch_key_padding_mask(Tensor::zeros({1, 3}));
      },
      "keep_from_torch_key_padding_mask: key_padding_mask: expected bool, got f32");
  EXPECT_THROW(keep_from_torch_key_padding_mask(Tensor::zeros({1, 3}, DType::u8)), DTypeError);
  EXPECT_THROW(keep_from_torch_key_padding_mask(bools({3}, {0, 0, 1})), ShapeError);
}

TEST(KeepFromKerasMask, TrueIsKept) {
  test::expect_same_bits(keep_from_keras_mask(bools({1, 3}, {1, 1, 0})), bools({1, 3}, {1, 1, 0}));
}

TEST(KeepFromKerasMask, FloatsAndOtherShapesAreRefused) {
  EXPECT_THROW(keep_from_keras_mask(Tensor::zeros({1, 3})), DTypeError);
  test::expect_error<ShapeError>(
      [] {
        keep_from_keras_mask(bools({1, 3, 1}, {1, 1, 0}));
      },
      "keep_from_keras_mask: mask: expected [B, L], got [1, 3, 1]");
}

}  // namespace
}  // namespace nopad
