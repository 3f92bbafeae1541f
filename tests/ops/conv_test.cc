#include "nopad/ops/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
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

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

Tensor row(const std::vector<float>& values, const Shape& shape) {
  return Tensor::from_values<float>(values, shape);
}

std::vector<Conv1dConfig> all_configs(int64_t groups) {
  std::vector<Conv1dConfig> configs;
  for (const auto& padding : {WindowPadding::valid(), WindowPadding::same(),
                              WindowPadding::causal(), WindowPadding::sides(2, 1)}) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t dilation : {1, 3}) {
        configs.push_back({stride, padding, dilation, groups});
      }
    }
  }
  return configs;
}

// Each sequence by the definition, in double.
Tensor by_definition(const RaggedTensor& x, const Tensor& weight, const Tensor& bias,
                     const Conv1dConfig& config, const RaggedLayout& windows) {
  const int64_t outputs = weight.dim(0), channels = weight.dim(1), taps = weight.dim(2);
  const WindowConfig window{taps, config.stride, config.dilation, config.padding};
  Tensor out = Tensor::empty({windows.num_tokens(), outputs});
  auto* to = out.mutable_values<float>().data();
  for (int64_t b = 0; b < windows.num_sequences(); ++b) {
    const Tensor own = x.sequence(b);
    for (int64_t t = 0; t < windows.length(b); ++t) {
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = bias.num_elements() == 0 ? 0 : bias.values<float>()[static_cast<size_t>(o)];
        for (int64_t k = 0; k < taps; ++k) {
          const int64_t token = t * config.stride + k * config.dilation - window.left(own.dim(0));
          if (token < 0 || token >= own.dim(0)) continue;
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t channel = o / (outputs / config.groups) * channels + c;
            sum += static_cast<double>(
                       own.values<float>()[static_cast<size_t>(token * own.dim(1) + channel)]) *
                   static_cast<double>(
                       weight.values<float>()[static_cast<size_t>((o * channels + c) * taps + k)]);
          }
        }
        *to++ = static_cast<float>(sum);
      }
    }
  }
  return out;
}

TEST(Conv1d, DifferencesOfNeighboursByHand) {
  const RaggedTensor x(row({1, 4, 9, 16, 100, 90}, {6, 1}), layout_of({4, 0, 2}));
  const Tensor weight = row({-1, 1}, {1, 1, 2});
  const RaggedTensor valid = conv1d(x, weight, row({0.5f}, {1}));
  test::expect_close(valid.values(), row({3.5f, 5.5f, 7.5f, -9.5f}, {4, 1}), test::kExact);
  EXPECT_EQ(valid.layout(), layout_of({3, 0, 1}));
  const RaggedTensor causal = conv1d(x, weight, {}, {.padding = WindowPadding::causal()});
  test::expect_close(causal.values(), row({1, 3, 5, 7, 100, -10}, {6, 1}), test::kExact);
  const RaggedTensor same = conv1d(x, weight, {}, {.padding = WindowPadding::same()});
  test::expect_close(same.values(), row({3, 5, 7, -16, -10, -90}, {6, 1}), test::kExact);
}

TEST(Conv1d, EqualsTheDefinitionOnRandomRaggedBatches) {
  test::Random random(1);
  for (const int64_t groups : {1, 2, 6}) {
    for (const Conv1dConfig& config : all_configs(groups)) {
      for (const int64_t taps : {1, 2, 3, 5}) {
        const auto layout = layout_of(random.lengths(5, 70));
        const RaggedTensor x(random.tensor({layout.num_tokens(), 6}), layout);
        const Tensor weight = random.tensor({12, 6 / groups, taps});
        const Tensor bias = random.coin() ? random.tensor({12}) : Tensor();
        const RaggedTensor out = conv1d(x, weight, bias, config);
        test::expect_close(out.values(), by_definition(x, weight, bias, config, out.layout()),
                           test::kF32);
      }
    }
  }
}

TEST(Conv1d, ManyWindowsAreCutIntoBlocksThatDoNotShow) {
  test::Random random(2);
  const auto layout = layout_of({700, 3, 600});
  const RaggedTensor x(random.tensor({1303, 20}), layout);
  const Tensor weight = random.tensor({40, 20, 3});
  const RaggedTensor out = conv1d(x, weight, {}, {.padding = WindowPadding::same()});
  test::expect_close(out.values(),
                     by_definition(x, weight, {}, {.padding = WindowPadding::same()}, layout),
                     test::kF32);
}

TEST(Conv1d, ASequenceHasTheSameBitsAloneAndBesideNan) {
  test::Random random(3);
  const auto layout = layout_of({5, 0, 600, 1, 33});
  const RaggedTensor x(random.tensor({layout.num_tokens(), 6}), layout);
  for (const int64_t groups : {1, 2, 6}) {
    const Tensor weight = random.tensor({6, 6 / groups, 3});
    for (const Conv1dConfig& config : all_configs(groups)) {
      test::expect_batch_equals_alone(
          [&](const RaggedTensor& in) { return conv1d(in, weight, {}, config); }, x);
    }
  }
}

struct Gradients {
  Tensor x, weight, bias;
};

Gradients gradients_of(const RaggedTensor& x, const Tensor& weight, const Tensor& bias,
                       const Conv1dConfig& config, const Tensor& d_out) {
  Tensor leaves[] = {autograd::detach(x.values()), autograd::detach(weight),
                     autograd::detach(bias)};
  for (Tensor& leaf : leaves) autograd::require_grad(leaf);
  const RaggedTensor out = conv1d(x.with_values(leaves[0]), leaves[1], leaves[2], config);
  const auto found = autograd::backward(out.values(), d_out);
  return {found.of(leaves[0]), found.of(leaves[1]), found.of(leaves[2])};
}

TEST(Conv1dGradient, EqualsCentralDifferences) {
  test::Random random(4);
  const auto layout = layout_of({3, 0, 5, 1});
  for (const int64_t groups : {1, 2, 4}) {
    for (const Conv1dConfig& config : all_configs(groups)) {
      test::expect_gradients(
          [&](std::span<const Tensor> in) {
            return conv1d({in[0], layout}, in[1], in[2], config).values();
          },
          {random.tensor({9, 4}).to(DType::f64), random.tensor({4, 4 / groups, 2}).to(DType::f64),
           random.tensor({4}).to(DType::f64)});
    }
  }
}

TEST(Conv1d, DepthwiseKernelsEqualTheDefinition) {
  test::Random random(7);
  for (const Conv1dConfig& config : all_configs(70)) {
    const auto layout = layout_of(random.lengths(5, 70));
    const RaggedTensor x(random.tensor({layout.num_tokens(), 70}), layout);
    const Tensor weight = random.tensor({70, 1, 3}), bias = random.tensor({70});
    const RaggedTensor out = conv1d(x, weight, bias, config);
    test::expect_close(out.values(), by_definition(x, weight, bias, config, out.layout()),
                       test::kF32);
  }
}

TEST(Conv1dGradient, InF32IsThatInF64OnAnyNumberOfThreads) {
  test::Random random(5);
  const Execution three({.num_threads = 3});
  const auto layout = layout_of({0, 1, 700, 33, 500});
  const RaggedTensor x(random.tensor({layout.num_tokens(), 20}), layout);
  const RaggedTensor wide(x.values().to(DType::f64), layout);
  for (const int64_t groups : {1, 4, 20}) {
    const Conv1dConfig config{.stride = 2, .padding = WindowPadding::same(), .groups = groups};
    const int64_t outputs = groups == 20 ? 20 : 40;
    const Tensor weight = random.tensor({outputs, 20 / groups, 3});
    const Tensor bias = random.tensor({outputs});
    const Tensor d_out = random.tensor(conv1d(x, weight, bias, config).values().shape());
    const Gradients narrow = gradients_of(x, weight, bias, config, d_out);
    const Gradients expected = gradients_of(wide, weight.to(DType::f64), bias.to(DType::f64),
                                            config, d_out.to(DType::f64));
    test::expect_close(narrow.x, expected.x, {1e-5, 1e-5});
    test::expect_close(narrow.weight, expected.weight, {2e-5, 1e-5});
    test::expect_close(narrow.bias, expected.bias, {2e-5, 1e-5});
    const ExecutionScope scope(three);
    const Gradients again = gradients_of(x, weight, bias, config, d_out);
    test::expect_same_bits(again.x, narrow.x);
    test::expect_same_bits(again.weight, narrow.weight);
    test::expect_same_bits(again.bias, narrow.bias);
  }
}

TEST(Conv1dGradient, ANanThatNoGradientMeetsReachesNobody) {
  test::Random random(6);
  const auto layout = layout_of({20, 10, 20});
  for (const int64_t groups : {1, 4}) {
    const Conv1dConfig config{.padding = WindowPadding::same(), .groups = groups};
    RaggedTensor poisoned(random.tensor({50, 4}), layout);
    const Tensor weight = random.tensor({4, 4 / groups, 3}), bias = random.tensor({4});
    Tensor d_out = random.tensor({50, 4});
    Tensor dropped = d_out.rows(20, 30);
    std::ranges::fill(dropped.mutable_values<float>(), 0.0f);
    const Gradients clean = gradients_of(poisoned, weight, bias, config, d_out);
    Tensor middle = poisoned.sequence(1);
    std::ranges::fill(middle.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
    const Gradients found = gradients_of(poisoned, weight, bias, config, d_out);
    test::expect_same_bits(found.x, clean.x);
    test::expect_same_bits(found.weight, clean.weight);
    test::expect_same_bits(found.bias, clean.bias);
  }
}

TEST(Conv1d, EmptyBatchesAndWindowlessOnesGiveNothingAndZeroGradients) {
  const Tensor weight = Tensor::zeros({6, 4, 3}), bias = Tensor::zeros({6});
  for (const auto& lengths : {std::vector<int64_t>{}, {0, 0}, {2, 1}}) {
    const auto layout = layout_of(lengths);
    const RaggedTensor x(Tensor::zeros({layout.num_tokens(), 4}), layout);
    const RaggedTensor out = conv1d(x, weight, bias);
    EXPECT_EQ(out.values().shape(), Shape({0, 6}));
    EXPECT_EQ(out.layout().num_sequences(), layout.num_sequences());
    const Gradients g = gradients_of(x, weight, bias, {}, Tensor::zeros({0, 6}));
    test::expect_same_bits(g.x, x.values());
    test::expect_same_bits(g.weight, weight);
    test::expect_same_bits(g.bias, bias);
  }
}

TEST(Conv1d, NamesTheOperandThatDoesNotFit) {
  const RaggedTensor x(Tensor::zeros({3, 4}), layout_of({1, 2}));
  const auto f32 = [](const Shape& shape) { return Tensor::zeros(shape); };
  test::expect_error<ShapeError>(
      [&] {
        conv1d(x, f32({6, 3, 2}), {});
      },
      "conv1d: weight: expected [O, 4, K], got [6, 3, 2]");
  test::expect_error<ShapeError>(
      [&] {
        conv1d(x, f32({5, 2, 2}), {}, {.groups = 2});
      },
      "conv1d: weight: expected a multiple of 2 groups as O, got [5, 2, 2]");
  test::expect_error<ShapeError>(
      [&] {
        conv1d(x, f32({6, 4, 2}), f32({5}));
      },
      "conv1d: bias: expected [6], got [5]");
  test::expect_error<OptionError>(
      [&] {
        conv1d(x, f32({6, 4, 2}), {}, {.groups = 3});
      },
      "conv1d: groups: expected a divisor of the 4 channels, got 3");
  test::expect_error<OptionError>(
      [&] {
        conv1d(x, f32({6, 4, 2}), {}, {.stride = 0});
      },
      "conv1d: stride: expected 1 to 2147483647, got 0");
  test::expect_error<DTypeError>(
      [&] {
        conv1d(x, Tensor::zeros({6, 4, 2}, DType::f64), {});
      },
      "conv1d: weight: expected f32 as x, got f64");
  test::expect_error<DTypeError>(
      [&] {
        conv1d(x.with_values(Tensor::zeros({3, 4}, DType::i32)), f32({6, 4, 2}), {});
      },
      "conv1d: x: expected f32 or f64, got i32");
  test::expect_error<ShapeError>(
      [&] {
        conv1d(x.with_values(f32({3})), f32({6, 4, 2}), {});
      },
      "conv1d: x: expected [T, C], got [3]");
}

}  // namespace
}  // namespace nopad::ops
