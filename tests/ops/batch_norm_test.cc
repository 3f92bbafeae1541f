#include "nopad/ops/batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ragged/tensor.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

RaggedLayout layout_of(std::initializer_list<int64_t> lengths) {
  return RaggedLayout::from_lengths(std::span(lengths.begin(), lengths.size()));
}

Tensor row_of(std::initializer_list<float> values) {
  return Tensor::from_values<float>(std::span(values.begin(), values.size()),
                                    {static_cast<int64_t>(values.size())});
}

TokenMask keep_of(const RaggedLayout& layout, std::initializer_list<bool> keep) {
  return TokenMask::from_tensor(layout,
                                Tensor::from_values<bool>(std::span(keep.begin(), keep.size()),
                                                          {static_cast<int64_t>(keep.size())}));
}

struct NormGradients {
  Tensor x, gain, bias;
};

NormGradients gradients_of(const RaggedTensor& x, BatchNormWeights weights, const TokenMask* keep,
                           const Tensor& d_y) {
  Tensor values = autograd::detach(x.values());
  for (Tensor* const leaf : {&values, &weights.gain, &weights.bias}) require_grad(*leaf);
  const RaggedTensor y = batch_norm_training(x.with_values(values), weights, keep).y;
  const autograd::Gradients found = autograd::backward(y.values(), d_y);
  return {found.of(values), found.of(weights.gain), found.of(weights.bias)};
}

TEST(BatchNormTraining, NormalisesOverTheKeptTokensByHand) {
  // Kept: 1 and 3, with mean 2 and deviation 1; the dropped 6 is normalised by them.
  const RaggedLayout layout = layout_of({1, 2});
  const RaggedTensor x(Tensor::from_values<float>(std::array{1.0f, 6.0f, 3.0f}, {3, 1}), layout);
  const TokenMask keep = keep_of(layout, {true, false, true});
  const RaggedBatchNormResult result =
      batch_norm_training(x, {.gain = row_of({2}), .bias = row_of({1}), .eps = 0}, &keep);
  test::expect_close(result.y.values().values<float>(), std::array{-1.0f, 9.0f, 3.0f}, test::kF32);
  test::expect_close(result.statistics.mean.values<float>(), std::array{2.0f}, test::kExact);
  test::expect_close(result.statistics.variance.values<float>(), std::array{1.0f}, test::kExact);
  EXPECT_EQ(result.statistics.count, 2);
}

TEST(BatchNormTraining, EqualsTheFormulaWithKnownStatistics) {
  test::Random random(1);
  for (const int64_t channels : {1, 16, 65}) {
    const Tensor x = random.tensor({130, channels}).to(DType::f64);
    const BatchNormWeights weights{.gain = random.tensor({channels}).to(DType::f64),
                                   .bias = random.tensor({channels}).to(DType::f64)};
    const BatchNormResult result = batch_norm_training(x, weights);
    for (int64_t c = 0; c < channels; ++c) {
      const auto at = [&](int64_t row) {
        return x.values<double>()[static_cast<size_t>(row * channels + c)];
      };
      double mean = 0, variance = 0;
      for (int64_t row = 0; row < 130; ++row) mean += at(row) / 130;
      for (int64_t row = 0; row < 130; ++row) {
        variance += (at(row) - mean) * (at(row) - mean) / 130;
      }
      const auto i = static_cast<size_t>(c);
      EXPECT_NEAR(result.statistics.mean.values<double>()[i], mean, 1e-12);
      EXPECT_NEAR(result.statistics.variance.values<double>()[i], variance, 1e-12);
    }
    const BatchStatistics& statistics = result.statistics;
    test::expect_close(result.y, batch_norm(x, weights, statistics.mean, statistics.variance),
                       test::kF64);
    EXPECT_EQ(statistics.count, 130);
  }
}

TEST(BatchNormTraining, HasTheGradientsOfCentralDifferences) {
  test::Random random(2);
  const RaggedLayout layout = layout_of({3, 0, 4});
  const TokenMask keep = keep_of(layout, {true, false, true, true, false, true, true});
  for (const TokenMask* const used : {&keep, static_cast<const TokenMask*>(nullptr)}) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return batch_norm_training(RaggedTensor(in[0], layout),
                                     {.gain = in[1], .bias = in[2], .eps = 1e-2f}, used)
              .y.values();
        },
        {random.tensor({7, 3}).to(DType::f64), random.tensor({3}).to(DType::f64),
         random.tensor({3}).to(DType::f64)},
        1e-5);
  }
}

TEST(BatchNormTraining, HasInF32TheGradientsOfF64OnAnyNumberOfThreads) {
  test::Random random(3);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(9, 65));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 70}), layout);
  const TokenMask keep = TokenMask::from_tensor(layout, random.coins({layout.num_tokens()}));
  const BatchNormWeights weights{
      .gain = random.tensor({70}), .bias = random.tensor({70}), .eps = 1e-3f};
  const Tensor d_y = random.tensor(x.values().shape());
  const NormGradients f32 = gradients_of(x, weights, &keep, d_y);
  const NormGradients f64 =
      gradients_of(x.with_values(x.values().to(DType::f64)),
                   {weights.gain.to(DType::f64), weights.bias.to(DType::f64), weights.eps}, &keep,
                   d_y.to(DType::f64));
  test::expect_close(f32.x, f64.x, {1e-5, 1e-5});
  test::expect_close(f32.gain, f64.gain, {1e-5, 1e-5});
  test::expect_close(f32.bias, f64.bias, {1e-5, 1e-5});
  const Execution three({.num_threads = 3});
  const ExecutionScope scope(three);
  const NormGradients again = gradients_of(x, weights, &keep, d_y);
  test::expect_same_bits(again.x, f32.x);
  test::expect_same_bits(again.gain, f32.gain);
  test::expect_same_bits(again.bias, f32.bias);
}

TEST(BatchNormTraining, ANanInADroppedTokenStaysInItsRow) {
  test::Random random(4);
  const RaggedLayout layout = layout_of({2, 3});
  RaggedTensor x(random.tensor({5, 3}), layout);
  const TokenMask keep = keep_of(layout, {true, false, true, true, true});
  const BatchNormWeights weights{.gain = random.tensor({3}), .bias = random.tensor({3})};
  Tensor d_y = random.tensor({5, 3});
  std::ranges::fill(d_y.rows(1, 2).mutable_values<float>(), 0.0f);
  const RaggedBatchNormResult clean = batch_norm_training(x, weights, &keep);
  const NormGradients clean_d = gradients_of(x, weights, &keep, d_y);
  Tensor values = x.values();
  std::ranges::fill(values.rows(1, 2).mutable_values<float>(), kNan);
  const RaggedBatchNormResult poisoned = batch_norm_training(x, weights, &keep);
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 1}, {2, 5}}) {
    test::expect_same_bits(poisoned.y.values().rows(begin, end), clean.y.values().rows(begin, end));
  }
  test::expect_same_bits(poisoned.statistics.variance, clean.statistics.variance);
  const NormGradients d = gradients_of(x, weights, &keep, d_y);
  test::expect_same_bits(d.x, clean_d.x);
  test::expect_same_bits(d.gain, clean_d.gain);
  test::expect_same_bits(d.bias, clean_d.bias);
}

TEST(BatchNormTraining, NothingKeptGivesTheBiasAndZeroGradients) {
  const RaggedLayout layout = layout_of({2, 1});
  const RaggedTensor x(Tensor::from_values<float>(std::array{1.0f, 2.0f, 3.0f}, {3, 1}), layout);
  const TokenMask none = TokenMask::none(layout);
  const BatchNormWeights weights{.gain = row_of({5}), .bias = row_of({7})};
  const RaggedBatchNormResult result = batch_norm_training(x, weights, &none);
  test::expect_close(result.y.values().values<float>(), std::array{7.0f, 7.0f, 7.0f}, test::kExact);
  EXPECT_EQ(result.statistics.count, 0);
  test::expect_same_bits(result.statistics.mean, row_of({0}));
  test::expect_same_bits(result.statistics.variance, row_of({0}));
  const Tensor ones = Tensor::from_values<float>(std::array{1.0f, 1.0f, 1.0f}, {3, 1});
  const NormGradients d = gradients_of(x, weights, &none, ones);
  test::expect_same_bits(d.x, Tensor::zeros({3, 1}));
  test::expect_same_bits(d.gain, row_of({0}));
  test::expect_same_bits(d.bias, row_of({3}));
}

TEST(BatchNormTraining, NoTokensGiveNothing) {
  const RaggedTensor x(Tensor::empty({0, 2}), layout_of({0, 0}));
  const BatchNormWeights weights{.gain = row_of({1, 1}), .bias = row_of({1, 1})};
  const RaggedBatchNormResult result = batch_norm_training(x, weights);
  EXPECT_EQ(result.y.values().shape(), (Shape{0, 2}));
  EXPECT_EQ(result.statistics.count, 0);
  const NormGradients d = gradients_of(x, weights, nullptr, Tensor::empty({0, 2}));
  test::expect_same_bits(d.gain, Tensor::zeros({2}));
}

TEST(BatchNorm, NormalisesByKnownStatisticsByHand) {
  const Tensor x = Tensor::from_values<float>(std::array{1.0f, 5.0f}, {2, 1});
  const Tensor y =
      batch_norm(x, {.gain = row_of({3}), .bias = row_of({1}), .eps = 1}, row_of({1}), row_of({3}));
  test::expect_close(y.values<float>(), std::array{1.0f, 7.0f}, test::kF32);
}

TEST(BatchNorm, HasTheGradientsOfCentralDifferences) {
  test::Random random(5);
  const Tensor mean = random.tensor({3}).to(DType::f64);
  const Tensor variance = random.tensor({3}, 0.5f, 2).to(DType::f64);
  test::expect_gradients(
      [&](std::span<const Tensor> in) {
        return batch_norm(in[0], {.gain = in[1], .bias = in[2]}, mean, variance);
      },
      {random.tensor({4, 3}).to(DType::f64), random.tensor({3}).to(DType::f64),
       random.tensor({3}).to(DType::f64)});
}

TEST(BatchNorm, ARowHasTheSameBitsAloneAndBesideNan) {
  test::Random random(6);
  const BatchNormWeights weights{.gain = random.tensor({70}), .bias = random.tensor({70})};
  const Tensor mean = random.tensor({70}), variance = random.tensor({70}, 0.5f, 2);
  Tensor x = random.tensor({9, 70});
  std::ranges::fill(x.rows(3, 4).mutable_values<float>(), kNan);
  const Tensor y = batch_norm(x, weights, mean, variance);
  for (const int64_t row : {0, 4, 8}) {
    test::expect_same_bits(batch_norm(x.rows(row, row + 1), weights, mean, variance),
                           y.rows(row, row + 1));
    for (const float value : y.rows(row, row + 1).values<float>()) {
      EXPECT_TRUE(std::isfinite(value));
    }
  }
}

TEST(UpdateRunning, MixesInTheBatchAsPyTorchAndAsKeras) {
  const RunningStatistics running{.mean = row_of({1}), .variance = row_of({2})};
  const BatchStatistics batch{.mean = row_of({3}), .variance = row_of({6}), .count = 4};
  const RunningStatistics torch = update_running(running, batch, {.rate = 0.5});
  test::expect_close(torch.mean.values<float>(), std::array{2.0f}, test::kExact);
  test::expect_close(torch.variance.values<float>(), std::array{5.0f}, test::kExact);
  const RunningStatistics keras =
      update_running(running, batch, {.rate = 0.5, .variance = RunningVariance::biased});
  test::expect_close(keras.variance.values<float>(), std::array{4.0f}, test::kExact);
  // The given ones are as they were.
  test::expect_same_bits(running.mean, row_of({1}));
}

TEST(UpdateRunning, ABatchOfNothingChangesNothingAndOneTokenStaysFinite) {
  const RunningStatistics running{.mean = row_of({1}), .variance = row_of({2})};
  const RunningStatistics same =
      update_running(running, {.mean = row_of({0}), .variance = row_of({0}), .count = 0});
  test::expect_same_bits(same.mean, running.mean);
  test::expect_same_bits(same.variance, running.variance);
  const RunningStatistics one = update_running(
      running, {.mean = row_of({1}), .variance = row_of({0}), .count = 1}, {.rate = 0.5});
  test::expect_same_bits(one.variance, row_of({1}));
}

TEST(BatchNorm, RecordsOnlyWhereAGradientIsWanted) {
  const Tensor x = Tensor::zeros({2, 1});
  BatchNormWeights weights{.gain = row_of({1})};
  EXPECT_FALSE(autograd::needs_grad(batch_norm_training(x, weights).y));
  require_grad(weights.gain);
  const BatchNormResult result = batch_norm_training(x, weights);
  EXPECT_TRUE(autograd::needs_grad(result.y));
  EXPECT_FALSE(autograd::needs_grad(result.statistics.mean));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(batch_norm_training(x, weights).y));
}

TEST(BatchNorm, NamesTheOperandThatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3}), row = Tensor::zeros({3});
  const RaggedTensor ragged(x, layout_of({2}));
  const TokenMask other = TokenMask::all(layout_of({1, 2}));
  test::expect_error<LayoutError>(
      [&] { batch_norm_training(ragged, {}, &other); },
      "batch_norm: keep: expected x's layout (B=1, T=2), got (B=2, T=3)");
  test::expect_error<ShapeError>([&] { batch_norm_training(x, {.gain = Tensor::zeros({2})}); },
                                 "batch_norm: gain: expected [3], got [2]");
  test::expect_error<ShapeError>([&] { batch_norm(x, {}, Tensor::zeros({2}), row); },
                                 "batch_norm: mean: expected [3], got [2]");
  test::expect_error<DTypeError>([&] { batch_norm(x, {}, row, row.to(DType::f64)); },
                                 "batch_norm: variance: expected f32, got f64");
  test::expect_error<OptionError>(
      [&] {
        update_running({row, row}, {.mean = row, .variance = row}, {.rate = 1.5});
      },
      "update_running: rate: expected 0 to 1, got 1.5");
  Tensor learned = Tensor::zeros({3});
  require_grad(learned);
  test::expect_error<OptionError>(
      [&] { batch_norm(x, {}, learned, row); },
      "batch_norm statistics: an input needs a gradient, and this op has no backward pass; run it "
      "in a NoGradScope");
}

}  // namespace
}  // namespace nopad::ops
