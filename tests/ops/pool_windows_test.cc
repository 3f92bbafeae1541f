#include "nopad/ops/pool_windows.h"

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

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

RaggedTensor column(const std::vector<float>& values, const std::vector<int64_t>& lengths) {
  return {Tensor::from_values<float>(values, {std::ssize(values)}), layout_of(lengths)};
}

void expect_values(const RaggedTensor& actual, const std::vector<float>& expected,
                   const std::vector<int64_t>& lengths) {
  EXPECT_EQ(actual.layout(), layout_of(lengths));
  test::expect_close(actual.values().values<float>(), expected, test::kF32);
}

TEST(MaxPool, TakesTheLargestOfEachWindow) {
  const RaggedTensor x = column({1, 5, 2, 3, 9, 7, 8}, {5, 0, 2});
  expect_values(max_pool(x, {.window = 2}), {5, 3, 8}, {2, 0, 1});
  expect_values(max_pool(x, {.window = 3, .stride = 1}), {5, 5, 9}, {3, 0, 0});
  expect_values(max_pool(x, {.window = 2, .padding = WindowPadding::same()}), {5, 3, 9, 8},
                {3, 0, 1});
}

TEST(MaxPool, PaddingNeverWins) {
  const RaggedTensor x = column({-1, -5}, {2});
  expect_values(max_pool(x, {.window = 3, .stride = 1, .padding = WindowPadding::same()}), {-1, -1},
                {2});
}

TEST(AveragePool, DividesByTheRealTokensOrByTheWindow) {
  const RaggedTensor x = column({2, 4, 6, 10}, {3, 1});
  const PoolConfig config{.window = 2, .padding = WindowPadding::same()};
  expect_values(average_pool(x, config), {3, 6, 10}, {2, 1});
  expect_values(average_pool(x, config, AverageOver::window), {3, 3, 5}, {2, 1});
}

TEST(PoolWindows, AWindowWithoutATokenGivesZeros) {
  const PoolConfig config{.window = 2, .padding = WindowPadding::sides(2, 2)};
  const RaggedTensor x = column({-3, -4}, {2, 0});
  expect_values(max_pool(x, config), {0, -3, 0}, {3, 0});
  expect_values(average_pool(x, config), {0, -3.5f, 0}, {3, 0});
}

TEST(MaxPool, ANanWinsInItsWindowsAlone) {
  const RaggedTensor out = max_pool(column({1, kNan, 2, 3}, {4}), {.window = 2});
  EXPECT_TRUE(std::isnan(out.values().values<float>()[0]));
  EXPECT_EQ(out.values().values<float>()[1], 3);
}

const PoolConfig kConfigs[] = {{.window = 1},
                               {.window = 3},
                               {.window = 3, .stride = 1},
                               {.window = 2, .stride = 3},
                               {.window = 4, .stride = 2, .padding = WindowPadding::same()},
                               {.window = 3, .stride = 2, .padding = WindowPadding::causal()},
                               {.window = 3, .stride = 1, .padding = WindowPadding::sides(1, 2)}};

TEST(PoolWindows, EqualTheDefinitionOnRandomRaggedBatches) {
  test::Random random(1);
  for (const PoolConfig& config : kConfigs) {
    const auto layout = layout_of(random.lengths(8, 70));
    const RaggedTensor x(random.tensor({layout.num_tokens(), 3}), layout);
    const RaggedTensor largest = max_pool(x, config), average = average_pool(x, config);
    const int64_t stride = config.stride == 0 ? config.window : config.stride;
    const WindowConfig windows{config.window, stride, 1, config.padding};
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const auto own = x.sequence(b);
      ASSERT_EQ(largest.layout().length(b), windows.num_windows(own.dim(0)));
      for (int64_t w = 0; w < largest.layout().length(b); ++w) {
        for (int64_t i = 0; i < 3; ++i) {
          float best = -2, sum = 0, count = 0;
          for (int64_t k = 0; k < config.window; ++k) {
            const int64_t token = w * stride + k - windows.left(own.dim(0));
            if (token < 0 || token >= own.dim(0)) continue;
            const float value = own.values<float>()[static_cast<size_t>(token * 3 + i)];
            best = std::max(best, value);
            sum += value;
            ++count;
          }
          const auto at = static_cast<size_t>(w * 3 + i);
          EXPECT_EQ(largest.sequence(b).values<float>()[at], best);
          EXPECT_NEAR(average.sequence(b).values<float>()[at], sum / count, 1e-6);
        }
      }
    }
  }
}

TEST(PoolWindows, ASequenceHasTheSameBitsAloneAndBesideNan) {
  test::Random random(2);
  const auto layout = layout_of({5, 0, 70, 1, 33});
  const RaggedTensor x(random.tensor({layout.num_tokens(), 2, 3}), layout);
  for (const PoolConfig& config : kConfigs) {
    test::expect_batch_equals_alone([&](const RaggedTensor& in) { return max_pool(in, config); },
                                    x);
    test::expect_batch_equals_alone(
        [&](const RaggedTensor& in) { return average_pool(in, config); }, x);
  }
}

TEST(PoolWindows, GradientsEqualCentralDifferences) {
  test::Random random(3);
  const auto layout = layout_of({4, 0, 1, 6});
  const Tensor x = random.tensor({11, 2}).to(DType::f64);
  for (const PoolConfig& config : kConfigs) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return max_pool({in[0], layout}, config).values();
        },
        {x});
    for (const AverageOver over : {AverageOver::real_tokens, AverageOver::window}) {
      test::expect_gradients(
          [&](std::span<const Tensor> in) {
            return average_pool({in[0], layout}, config, over).values();
          },
          {x});
    }
  }
}

TEST(MaxPool, OfEqualWinnersTheFirstGetsTheGradient) {
  RaggedTensor x = column({2, 7, 7, 1}, {4});
  Tensor leaf = x.values();
  autograd::require_grad(leaf);
  const RaggedTensor out = max_pool(x.with_values(leaf), {.window = 3, .stride = 1});
  const auto gradients =
      autograd::backward(out.values(), Tensor::from_values<float>(std::vector{1.0f, 10.0f}, {2}));
  test::expect_close(gradients.of(leaf).values<float>(), std::vector{0.0f, 11.0f, 0.0f, 0.0f},
                     test::kExact);
}

TEST(PoolWindows, GradientsInF32HaveTheSameBitsOnAnyNumberOfThreads) {
  test::Random random(4);
  const Execution three({.num_threads = 3});
  const auto layout = layout_of({0, 300, 33, 1, 200});
  Tensor leaf = random.tensor({layout.num_tokens(), 40});
  autograd::require_grad(leaf);
  for (const PoolConfig& config : kConfigs) {
    const auto gradient = [&](const RaggedTensor& out, const Tensor& d_out) {
      return autograd::backward(out.values(), d_out).of(leaf);
    };
    const auto both = [&](const Tensor& d_out) {
      return std::pair(gradient(max_pool({leaf, layout}, config), d_out),
                       gradient(average_pool({leaf, layout}, config), d_out));
    };
    const Tensor d_out = random.tensor(max_pool({leaf, layout}, config).values().shape());
    const auto expected = both(d_out);
    const ExecutionScope scope(three);
    const auto actual = both(d_out);
    test::expect_same_bits(actual.first, expected.first);
    test::expect_same_bits(actual.second, expected.second);
  }
}

TEST(PoolWindows, EmptyBatchesStayEmpty) {
  for (const auto& lengths : {std::vector<int64_t>{}, {0, 0}, {1}}) {
    const auto layout = layout_of(lengths);
    Tensor leaf = Tensor::zeros({layout.num_tokens(), 3});
    autograd::require_grad(leaf);
    for (const RaggedTensor& out :
         {max_pool({leaf, layout}, {.window = 2}), average_pool({leaf, layout}, {.window = 2})}) {
      EXPECT_EQ(out.values().shape(), Shape({0, 3}));
      test::expect_same_bits(autograd::backward(out.values(), out.values()).of(leaf),
                             autograd::detach(leaf));
    }
  }
}

TEST(PoolWindows, SettingsOutOfRangeAreRefused) {
  const RaggedTensor x = column({1, 2}, {2});
  test::expect_error<OptionError>([&] { max_pool(x, {.window = 0}); },
                                  "max_pool: window: expected 1 to 2147483647, got 0");
  test::expect_error<OptionError>([&] { average_pool(x, {.stride = -1}); },
                                  "average_pool: stride: expected 1 to 2147483647, got -1");
  test::expect_error<DTypeError>(
      [&] { max_pool(x.with_values(Tensor::zeros({2}, DType::i64)), {}); },
      "max_pool: x: expected f32 or f64, got i64");
}

}  // namespace
}  // namespace nopad::ops
