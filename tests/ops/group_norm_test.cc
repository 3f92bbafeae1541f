#include "nopad/ops/group_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

RaggedLayout layout_of(std::initializer_list<int64_t> lengths) {
  return RaggedLayout::from_lengths(std::span(lengths.begin(), lengths.size()));
}

// The formula for one sequence of f64, [L, C].
std::vector<double> plain_norm(const Tensor& x, const GroupNormWeights& weights) {
  const auto value = x.values<double>();
  const int64_t channels = x.dim(1), width = channels / weights.num_groups;
  std::vector<double> out(value.size());
  for (int64_t group = 0; group < weights.num_groups; ++group) {
    const auto for_each = [&](auto f) {
      for (size_t i = 0; i < value.size(); ++i) {
        const int64_t c = static_cast<int64_t>(i) % channels;
        if (c / width == group) f(i, static_cast<size_t>(c));
      }
    };
    const auto count = static_cast<double>(x.dim(0) * width);
    double mean = 0, variance = 0;
    for_each([&](size_t i, size_t) { mean += value[i] / count; });
    for_each([&](size_t i, size_t) { variance += (value[i] - mean) * (value[i] - mean) / count; });
    for_each([&](size_t i, size_t c) {
      out[i] = (value[i] - mean) / std::sqrt(variance + static_cast<double>(weights.eps)) *
                   weights.gain.values<double>()[c] +
               weights.bias.values<double>()[c];
    });
  }
  return out;
}

GroupNormWeights random_weights(test::Random& random, int64_t channels, int64_t num_groups) {
  return {.gain = random.tensor({channels}),
          .bias = random.tensor({channels}),
          .num_groups = num_groups,
          .eps = 1e-3f};
}

GroupNormWeights in_f64(const GroupNormWeights& weights) {
  return {.gain = weights.gain.to(DType::f64),
          .bias = weights.bias.to(DType::f64),
          .num_groups = weights.num_groups,
          .eps = weights.eps};
}

struct NormGradients {
  Tensor x, gain, bias;
};

NormGradients gradients_of(const RaggedTensor& x, GroupNormWeights weights, const Tensor& d_y) {
  Tensor values = autograd::detach(x.values());
  for (Tensor* const leaf : {&values, &weights.gain, &weights.bias}) require_grad(*leaf);
  const RaggedTensor y = group_norm(x.with_values(values), weights);
  const autograd::Gradients found = autograd::backward(y.values(), d_y);
  return {found.of(values), found.of(weights.gain), found.of(weights.bias)};
}

TEST(GroupNorm, NormalisesEachSequenceByHand) {
  // Two groups of one channel: means 2 and 5, deviations 1 and 2. One token alone has none.
  const std::array<float, 6> x = {1, 7, 3, 3, 10, 30};
  const Tensor gain = Tensor::from_values<float>(std::array{1.0f, 2.0f}, {2});
  const Tensor bias = Tensor::from_values<float>(std::array{0.0f, 4.0f}, {2});
  const RaggedTensor y = group_norm({Tensor::from_values<float>(x, {3, 2}), layout_of({2, 1})},
                                    {.gain = gain, .bias = bias, .num_groups = 2, .eps = 1e-12f});
  test::expect_close(y.values().values<float>(), std::array{-1.0f, 6.0f, 1.0f, 2.0f, 0.0f, 4.0f},
                     test::kF32);
}

TEST(GroupNorm, WithoutWeightsOneGroupHasMeanZeroAndVarianceOne) {
  const std::array<float, 4> x = {1, 3, 3, 1};
  const RaggedTensor y =
      group_norm({Tensor::from_values<float>(x, {2, 2}), layout_of({2})}, {.eps = 0});
  test::expect_close(y.values().values<float>(), std::array{-1.0f, 1.0f, 1.0f, -1.0f}, test::kF32);
}

TEST(GroupNorm, EqualsTheFormulaForEveryGrouping) {
  test::Random random(1);
  for (const int64_t num_groups : {1, 2, 3, 66}) {
    const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(8, 40));
    const RaggedTensor x(random.tensor({layout.num_tokens(), 66}), layout);
    const GroupNormWeights weights = random_weights(random, 66, num_groups);
    const RaggedTensor y = group_norm(x, weights);
    const RaggedTensor wide = group_norm(x.with_values(x.values().to(DType::f64)), in_f64(weights));
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const std::vector<double> expected =
          plain_norm(x.sequence(b).to(DType::f64), in_f64(weights));
      test::expect_close(y.sequence(b).values<float>(), expected, {1e-5, 1e-5});
      test::expect_close(wide.sequence(b).values<double>(), expected, {1e-11, 1e-11});
    }
  }
}

TEST(GroupNorm, HasTheGradientsOfCentralDifferences) {
  test::Random random(2);
  const RaggedLayout layout = layout_of({3, 0, 1, 4});
  for (const int64_t num_groups : {1, 2, 4}) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return group_norm({in[0], layout},
                            {.gain = in[1], .bias = in[2], .num_groups = num_groups, .eps = 1e-2f})
              .values();
        },
        {random.tensor({8, 4}).to(DType::f64), random.tensor({4}).to(DType::f64),
         random.tensor({4}).to(DType::f64)},
        1e-5);
  }
}

TEST(GroupNorm, HasInF32TheGradientsOfF64OnAnyNumberOfThreads) {
  test::Random random(3);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(9, 65));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 70}), layout);
  const GroupNormWeights weights = random_weights(random, 70, 5);
  const Tensor d_y = random.tensor(x.values().shape());
  const NormGradients f32 = gradients_of(x, weights, d_y);
  const NormGradients f64 =
      gradients_of(x.with_values(x.values().to(DType::f64)), in_f64(weights), d_y.to(DType::f64));
  test::expect_close(f32.x, f64.x, {1e-5, 1e-5});
  test::expect_close(f32.gain, f64.gain, {1e-5, 1e-5});
  test::expect_close(f32.bias, f64.bias, {1e-5, 1e-5});
  const Execution three({.num_threads = 3});
  const ExecutionScope scope(three);
  const NormGradients again = gradients_of(x, weights, d_y);
  test::expect_same_bits(again.x, f32.x);
  test::expect_same_bits(again.gain, f32.gain);
  test::expect_same_bits(again.bias, f32.bias);
}

TEST(GroupNorm, GivesASequenceInABatchWhatItGivesItAlone) {
  test::Random random(4);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(8, 70));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 66}), layout);
  const GroupNormWeights weights = random_weights(random, 66, 3);
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return group_norm(batch, weights); }, x);
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) {
        return batch.with_values(gradients_of(batch, weights, batch.values()).x);
      },
      x);
}

TEST(GroupNorm, ANanInASequenceWithoutGradientReachesNoGradient) {
  test::Random random(5);
  const RaggedLayout layout = layout_of({4, 3, 5});
  RaggedTensor x(random.tensor({12, 6}), layout);
  const GroupNormWeights weights = random_weights(random, 6, 2);
  Tensor d_y = random.tensor({12, 6});
  std::ranges::fill(d_y.rows(4, 7).mutable_values<float>(), 0.0f);
  const NormGradients clean = gradients_of(x, weights, d_y);
  std::ranges::fill(x.sequence(1).mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
  const NormGradients poisoned = gradients_of(x, weights, d_y);
  test::expect_same_bits(poisoned.x, clean.x);
  test::expect_same_bits(poisoned.gain, clean.gain);
  test::expect_same_bits(poisoned.bias, clean.bias);
}

TEST(GroupNorm, NothingGivesNothingAndZeroGradients) {
  for (const RaggedLayout& layout : {RaggedLayout(), layout_of({0, 0})}) {
    const RaggedTensor x(Tensor::empty({0, 4}), layout);
    const GroupNormWeights weights{.gain = Tensor::zeros({4}), .bias = Tensor::zeros({4})};
    EXPECT_EQ(group_norm(x, weights).values().shape(), (Shape{0, 4}));
    const NormGradients d = gradients_of(x, weights, Tensor::empty({0, 4}));
    test::expect_same_bits(d.gain, Tensor::zeros({4}));
    test::expect_same_bits(d.bias, Tensor::zeros({4}));
  }
}

TEST(GroupNorm, RecordsOnlyWhereAGradientIsWanted) {
  const RaggedTensor x(Tensor::zeros({2, 4}), layout_of({2}));
  GroupNormWeights weights{.gain = Tensor::zeros({4})};
  EXPECT_FALSE(autograd::needs_grad(group_norm(x, weights).values()));
  require_grad(weights.gain);
  EXPECT_TRUE(autograd::needs_grad(group_norm(x, weights).values()));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(group_norm(x, weights).values()));
}

TEST(GroupNorm, NamesTheOperandThatDoesNotFit) {
  const RaggedTensor x(Tensor::zeros({2, 6}), layout_of({2}));
  test::expect_error<OptionError>(
      [&] { group_norm(x, {.num_groups = 4}); },
      "group_norm: num_groups: expected a divisor of the 6 channels, got 4");
  test::expect_error<OptionError>(
      [&] { group_norm(x, {.num_groups = 0}); },
      "group_norm: num_groups: expected a divisor of the 6 channels, got 0");
  test::expect_error<ShapeError>([&] { group_norm(x, {.gain = Tensor::zeros({4})}); },
                                 "group_norm: gain: expected [6], got [4]");
  test::expect_error<DTypeError>([&] { group_norm(x, {.bias = Tensor::zeros({6}, DType::f64)}); },
                                 "group_norm: bias: expected f32 as x, got f64");
  test::expect_error<ShapeError>(
      [&] {
        group_norm(x.with_values(Tensor::zeros({2, 3, 2})), {});
      },
      "group_norm: x: expected [tokens, channels], got [2, 3, 2]");
  test::expect_error<DTypeError>(
      [&] {
        group_norm(x.with_values(Tensor::zeros({2, 6}, DType::i32)), {});
      },
      "group_norm: x: expected f32 or f64, got i32");
}

}  // namespace
}  // namespace nopad::ops
