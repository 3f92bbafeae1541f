#include "nopad/ops/dropout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ragged/convert.h"
#include "ops/philox.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::ops {
namespace {

using test::list;
using test::tensor_of;
using List = std::vector<int64_t>;

// The known answers of Random123's kat_vectors.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

Tensor ones(const Shape& shape, DType dtype = DType::f32) {
  Tensor out = Tensor::zeros(shape);
  for (float& value : out.mutable_values<float>()) value = 1;
  return out.to(dtype);
}

double share_of_zeros(const Tensor& x) {
  int64_t zeros = 0;
  for (const float value : x.values<float>()) zeros += value == 0;
  return static_cast<double>(zeros) / static_cast<double>(x.num_elements());
}

TEST(Dropout, DropsTheShareAskedForAndScalesTheRest) {
  for (const double rate : {0.1, 0.5, 0.8}) {
    const Tensor y = dropout(ones({400, 250}), {.rate = rate, .seed = 3});
    // 100,000 draws: five standard deviations.
    EXPECT_NEAR(share_of_zeros(y), rate, 5 * std::sqrt(rate * (1 - rate) / 100000));
    const auto kept = static_cast<float>(1 / (1 - rate));
    for (const float value : y.values<float>()) EXPECT_TRUE(value == 0 || value == kept);
  }
}

// Each row, each column and each pair of neighbours is as random as the whole.
TEST(Dropout, DrawsDoNotRepeatAlongAnyAxis) {
  const Tensor y = dropout(ones({256, 256}), {.rate = 0.5, .seed = 4});
  const auto values = y.values<float>();
  int equal_beside = 0, equal_below = 0;
  for (size_t row = 0; row < 255; ++row) {
    for (size_t column = 0; column < 255; ++column) {
      equal_beside += values[row * 256 + column] == values[row * 256 + column + 1];
      equal_below += values[row * 256 + column] == values[(row + 1) * 256 + column];
    }
  }
  EXPECT_NEAR(equal_beside / (255.0 * 255.0), 0.5, 0.01);
  EXPECT_NEAR(equal_below / (255.0 * 255.0), 0.5, 0.01);
}

TEST(Dropout, SeedStepSequenceAndTokenAllChangeTheDraw) {
  const auto layout = RaggedLayout::from_lengths(List{2, 2});
  const RaggedTensor x(ones({4, 64}), layout);
  const auto draw = [&](uint64_t seed, uint64_t step) {
    return list<float>(dropout(x, {.seed = seed, .step = step}).values());
  };
  EXPECT_EQ(draw(1, 2), draw(1, 2));
  EXPECT_NE(draw(1, 2), draw(2, 2));
  EXPECT_NE(draw(1, 2), draw(1, 3));
  EXPECT_NE(draw(1, 2), draw(2, 1));
  EXPECT_NE(draw(1, 2), draw(1 + (uint64_t{1} << 32), 2));
  EXPECT_NE(draw(1, 2), draw(1, 2 + (uint64_t{1} << 32)));
  const Tensor y = dropout(x, {.seed = 1}).values();
  EXPECT_NE(list<float>(y.rows(0, 1)), list<float>(y.rows(1, 2)));
  EXPECT_NE(list<float>(y.rows(0, 1)), list<float>(y.rows(2, 3)));
}

TEST(Dropout, PackedAndPaddedTokensGetTheSameDraw) {
  test::Random random(91);
  for (int round = 0; round < 30; ++round) {
    const Tensor keep = random.coins({random.integer(1, 5), random.integer(1, 9)});
    const Tensor padded = random.tensor({keep.dim(0), keep.dim(1), random.integer(1, 9)});
    const RaggedTensor packed = from_padded(padded, keep);
    const DropoutConfig config{.rate = 0.4, .seed = 5, .step = static_cast<uint64_t>(round)};
    test::expect_same_bits(dropout(padded, packed.layout(), config),
                           to_padded(dropout(packed, config)));
  }
}

// What other sequences are like, how long and how padded, changes nothing.
TEST(Dropout, ATokensDrawDependsOnItsPlaceAlone) {
  const DropoutConfig config{.rate = 0.5, .seed = 6};
  const RaggedTensor a(ones({5, 33}), RaggedLayout::from_lengths(List{0, 2, 3}));
  const RaggedTensor b(ones({9, 33}), RaggedLayout::from_lengths(List{4, 5, 0}));
  test::expect_same_bits(dropout(a, config).sequence(1), dropout(b, config).sequence(1).rows(0, 2));
  // One row per sequence is a sequence of one token; fewer features are the first ones.
  const Tensor rows = dropout(ones({3, 33}), config);
  test::expect_same_bits(rows.rows(1, 2), dropout(b, config).sequence(1).rows(0, 1));
  const Tensor narrow = dropout(ones({3, 7}), config);
  EXPECT_EQ(list<float>(narrow.rows(0, 1)), [&] {
    std::vector<float> row = list<float>(rows.rows(0, 1));
    row.resize(7);
    return row;
  }());
}

TEST(Dropout, ThreadsAndDtypeDoNotChangeTheDraw) {
  test::Random random(92);
  const auto layout = RaggedLayout::from_lengths(random.lengths(20, 60));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 65}), layout);
  const DropoutConfig config{.rate = 0.5, .seed = 7};
  const auto on_threads = [&](int num_threads) {
    const Execution execution({.num_threads = num_threads});
    const ExecutionScope scope(execution);
    return dropout(x, config).values();
  };
  test::expect_same_bits(on_threads(3), on_threads(1));
  // The rate 1/2 scales by 2, which is exact in both.
  const Tensor wide = dropout(x.with_values(x.values().to(DType::f64)), config).values();
  test::expect_same_bits(wide.to(DType::f32), on_threads(1));
}

TEST(Dropout, RateZeroKeepsAllAndRateOneNothing) {
  test::Random random(93);
  const Tensor x = random.tensor({5, 6});
  test::expect_same_bits(dropout(x, {.rate = 0}), x);
  test::expect_same_bits(dropout(x, {.rate = 1}), Tensor::zeros({5, 6}));
}

TEST(Dropout, ADroppedNanReachesNeitherResultNorGradient) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const DropoutConfig config{.rate = 0.5, .seed = 8};
  const Tensor draw = dropout(ones({4, 8}), config);
  Tensor poisoned = Tensor::zeros({4, 8});
  Tensor d_out = Tensor::zeros({4, 8});
  for (size_t i = 0; i < 32; ++i) {
    const float value = draw.values<float>()[i] == 0 ? kNan : 1;
    poisoned.mutable_values<float>()[i] = value;
    d_out.mutable_values<float>()[i] = value;
  }
  autograd::require_grad(poisoned);
  const Tensor y = dropout(poisoned, config);
  test::expect_same_bits(autograd::detach(y), draw);
  test::expect_same_bits(autograd::backward(y, d_out).of(poisoned), draw);
}

TEST(Dropout, PaddingBecomesZeroAndGetsNoGradient) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Tensor padded = tensor_of<float>({1, 3}, {1, kNan, kNan});
  autograd::require_grad(padded);
  const auto layout = RaggedLayout::from_keep(test::bools({1, 3}, {1, 0, 0}));
  const Tensor y = dropout(padded, layout, {.rate = 0});
  EXPECT_EQ(list<float>(y), (std::vector<float>{1, 0, 0}));
  const auto gradients = autograd::backward(y, tensor_of<float>({1, 3}, {2, kNan, kNan}));
  EXPECT_EQ(list<float>(gradients.of(padded)), (std::vector<float>{2, 0, 0}));
}

TEST(Dropout, GradientsAgreeWithDifferences) {
  test::Random random(94);
  const auto layout = RaggedLayout::from_lengths(List{2, 0, 3});
  const DropoutConfig config{.rate = 0.3, .seed = 9, .step = 2};
  test::expect_gradients(
      [&](std::span<const Tensor> in) {
        return dropout(RaggedTensor(in[0], layout), config).values();
      },
      {random.tensor({5, 3}).to(DType::f64)});
  test::expect_gradients([&](std::span<const Tensor> in) { return dropout(in[0], config); },
                         {random.tensor({4, 3}).to(DType::f64)});
  test::expect_gradients([&](std::span<const Tensor> in) { return dropout(in[0], layout, config); },
                         {random.tensor({3, 3, 2}).to(DType::f64)});
}

TEST(Dropout, RecordsOnlyWhereAGradientIsWanted) {
  Tensor leaf = Tensor::zeros({2, 2});
  EXPECT_FALSE(autograd::needs_grad(dropout(leaf, DropoutConfig())));
  autograd::require_grad(leaf);
  EXPECT_TRUE(autograd::needs_grad(dropout(leaf, DropoutConfig())));
  const autograd::NoGradScope scope;
  EXPECT_FALSE(autograd::needs_grad(dropout(leaf, DropoutConfig())));
}

TEST(Dropout, EmptyBatchesStayEmpty) {
  EXPECT_EQ(dropout(Tensor::zeros({0, 3}), DropoutConfig()).shape(), Shape({0, 3}));
  EXPECT_EQ(dropout(Tensor::zeros({3, 0}), DropoutConfig()).shape(), Shape({3, 0}));
  const RaggedTensor empty(Tensor::zeros({0, 3}), RaggedLayout::from_lengths(List{0, 0}));
  EXPECT_EQ(dropout(empty, DropoutConfig()).values().shape(), Shape({0, 3}));
}

TEST(Dropout, WhatDoesNotFitIsRefused) {
  const Tensor x = Tensor::zeros({2, 3});
  test::expect_error<OptionError>([&] { dropout(x, {.rate = 1.5}); },
                                  "dropout: rate: expected 0 to 1, got 1.5");
  EXPECT_THROW(dropout(x, {.rate = -0.1}), OptionError);
  EXPECT_THROW(dropout(x, {.rate = NAN}), OptionError);
  test::expect_error<DTypeError>([&] { dropout(x.to(DType::i32), DropoutConfig()); },
                                 "dropout: x: expected f32 or f64, got i32");
  test::expect_error<ShapeError>(
      [&] {
        dropout(x, RaggedLayout::from_lengths(List{1, 2}), DropoutConfig());
      },
      "dropout: x: expected [2, 2, ...] as the layout has, got [2, 3]");
  test::expect_error<ShapeError>([] { dropout(Tensor::zeros({}), DropoutConfig()); },
                                 "dropout: x: expected [B, ...], got a scalar");
}

}  // namespace
}  // namespace nopad::ops
