#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "nopad/ops/loss.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kNumClasses = 5;

Tensor ids(std::vector<int64_t> values) {
  return Tensor::from_values<int64_t>(values, {std::ssize(values)});
}

// Random logits and targets over one random layout; some targets are to be ignored.
struct Case {
  explicit Case(uint64_t seed, int64_t num_classes = kNumClasses) {
    test::Random random(seed);
    const auto layout = RaggedLayout::from_lengths(random.lengths(7, 40));
    const int64_t num_tokens = layout.num_tokens();
    logits = {random.tensor({num_tokens, num_classes}, -3, 3), layout};
    std::vector<int64_t> classes;
    for (int64_t t = 0; t < num_tokens; ++t) {
      classes.push_back(random.integer(0, 4) == 0 ? -100 : random.integer(0, num_classes - 1));
    }
    targets = {ids(classes), layout};
    keep = TokenMask::from_tensor(layout, random.coins({num_tokens}));
  }
  RaggedTensor in(DType dtype) const { return logits.with_values(logits.values().to(dtype)); }

  RaggedTensor logits, targets;
  TokenMask keep;
};

CrossEntropyConfig weighted_config(DType dtype) {
  const std::array<double, kNumClasses> weights = {0.5, 2, 1, 0, 3};
  return {.label_smoothing = 0.1,
          .class_weights = Tensor::from_values<double>(weights, {kNumClasses}).to(dtype)};
}

double value_of(const Tensor& scalar) {
  return autograd::detach(scalar).to(DType::f64).values<double>()[0];
}

TEST(CrossEntropy, IsTheNegativeLogarithmOfTheTargetsShare) {
  // Shares of 1/4, 1/2, 1/4 in both rows.
  const float ln2 = std::log(2.0f);
  const Tensor logits =
      Tensor::from_values<float>(std::array{0.0f, ln2, 0.0f, 7.0f, 7 + ln2, 7.0f}, {2, 3});
  const Tensor each = cross_entropy_per_token(logits, ids({0, 1}));
  test::expect_close(each.values<float>(), std::array{2 * ln2, ln2}, test::kF32);
  const LossSum loss = cross_entropy(logits, ids({0, 1}));
  EXPECT_NEAR(value_of(loss.sum), 3 * ln2, 1e-6);
  EXPECT_EQ(loss.count, 2);
  EXPECT_EQ(loss.weight, 2);
  EXPECT_NEAR(value_of(loss.mean()), 1.5 * ln2, 1e-6);
}

// torch.nn.functional.cross_entropy with weight and label_smoothing, its formula written out:
// (1 - smoothing) weight[y] nll + smoothing / C sum(weight[c] (log_sum_exp - x[c])).
TEST(CrossEntropy, SmoothsAndWeighsAsPyTorch) {
  const Case c(1);
  const CrossEntropyConfig config = weighted_config(DType::f64);
  const RaggedTensor x = c.in(DType::f64);
  double sum = 0, weight = 0;
  int64_t count = 0;
  const auto weights = config.class_weights.values<double>();
  for (size_t t = 0; t < c.keep.keep().size(); ++t) {
    const int64_t target = c.targets.values().values<int64_t>()[t];
    if (target < 0 || !c.keep.keep()[t]) continue;
    const auto row = x.values().values<double>().subspan(t * kNumClasses, kNumClasses);
    double total = 0;
    for (const double value : row) total += std::exp(value);
    const auto y = static_cast<size_t>(target);
    sum += 0.9 * weights[y] * (std::log(total) - row[y]);
    for (size_t k = 0; k < kNumClasses; ++k) {
      sum += 0.1 / kNumClasses * weights[k] * (std::log(total) - row[k]);
    }
    weight += weights[y];
    ++count;
  }
  const LossSum loss = cross_entropy(x, c.targets, config, &c.keep);
  EXPECT_NEAR(value_of(loss.sum), sum, 1e-10);
  EXPECT_EQ(loss.count, count);
  EXPECT_NEAR(loss.weight, weight, 1e-12);
  EXPECT_NEAR(value_of(loss.mean()), sum / weight, 1e-10);
}

// PyTorch 2.15 in f64, x[i] = 3 sin(1 + 1.7 i) as [6, 5]:
// cross_entropy(x, [0, 4, -100, 2, 3, 1], weight, label_smoothing=0.1, reduction="sum" and "mean"),
// and the sum of i d_x[i] for the latter.
TEST(CrossEntropy, EqualsPyTorch) {
  Tensor x = Tensor::empty({6, 5}, DType::f64);
  for (int i = 0; i < 30; ++i)
    x.mutable_values<double>()[static_cast<size_t>(i)] = 3 * std::sin(1 + 1.7 * i);
  autograd::require_grad(x);
  const std::array<double, kNumClasses> weights = {0.5, 2, 1, 0.25, 3};
  const LossSum loss =
      cross_entropy(x, ids({0, 4, -100, 2, 3, 1}),
                    {.label_smoothing = 0.1,
                     .class_weights = Tensor::from_values<double>(weights, {kNumClasses})});
  EXPECT_NEAR(value_of(loss.sum), 21.436784118203, 1e-11);
  EXPECT_NEAR(value_of(loss.mean()), 3.175819869363, 1e-11);
  const Tensor d_x = autograd::backward(loss.mean()).of(x);
  double moment = 0;
  for (int i = 0; i < 30; ++i) moment += i * d_x.values<double>()[static_cast<size_t>(i)];
  EXPECT_NEAR(moment, -0.345160179168, 1e-11);
}

TEST(CrossEntropy, InF32EqualsF64ForEveryNumberOfClasses) {
  for (const int64_t num_classes : {1, 7, 8, 9, 17, 1000}) {
    const Case c(static_cast<uint64_t>(num_classes), num_classes);
    for (const double smoothing : {0.0, 0.2}) {
      const CrossEntropyConfig config{.label_smoothing = smoothing};
      test::expect_close(cross_entropy_per_token(c.logits, c.targets, config).values(),
                         cross_entropy_per_token(c.in(DType::f64), c.targets, config).values(),
                         {2e-6, 1e-5});
    }
  }
}

TEST(CrossEntropy, TwoMicroBatchesAddUpToOneBatch) {
  const Case c(2);
  const CrossEntropyConfig config = weighted_config(DType::f64);
  const RaggedTensor x = c.in(DType::f64);
  const int64_t cut = x.layout().num_tokens() / 3;
  const auto part = [&](int64_t begin, int64_t end) {
    return cross_entropy(x.values().rows(begin, end), c.targets.values().rows(begin, end), config);
  };
  const LossSum both = part(0, cut) + part(cut, x.layout().num_tokens());
  const LossSum whole = cross_entropy(x, c.targets, config);
  EXPECT_EQ(both.count, whole.count);
  EXPECT_NEAR(both.weight, whole.weight, 1e-12);
  EXPECT_NEAR(value_of(both.mean()), value_of(whole.mean()), 1e-12);
}

TEST(CrossEntropy, ATokensLossHasTheSameBitsAlone) {
  const Case c(3);
  const RaggedTensor all = cross_entropy_per_token(c.logits, c.targets);
  for (int64_t b = 0; b < c.logits.layout().num_sequences(); ++b) {
    const Tensor alone = cross_entropy_per_token(c.logits.sequence(b), c.targets.sequence(b));
    test::expect_same_bits(alone, all.sequence(b));
  }
}

TEST(CrossEntropy, ThreadsDoNotChangeTheBits) {
  const Case c(4, 1000);
  const Tensor expected = cross_entropy(c.logits, c.targets).sum;
  const Execution execution({.num_threads = 3});
  const ExecutionScope scope(execution);
  test::expect_same_bits(cross_entropy(c.logits, c.targets).sum, expected);
}

TEST(CrossEntropy, ANanAtATokenThatTakesNoPartReachesNeitherLossNorGradient) {
  const Case c(5);
  Tensor poisoned = c.logits.values().to(DType::f32);
  std::vector<int64_t> garbage;
  for (size_t t = 0; t < c.keep.keep().size(); ++t) {
    const int64_t target = c.targets.values().values<int64_t>()[t];
    const bool takes_part = target >= 0 && c.keep.keep()[t];
    garbage.push_back(c.keep.keep()[t] ? target : 1'000'000);
    for (size_t k = 0; k < kNumClasses && !takes_part; ++k) {
      poisoned.mutable_values<float>()[t * kNumClasses + k] = kNan;
    }
  }
  const auto targets = c.targets.with_values(ids(garbage));
  const auto run = [&](Tensor logits, const RaggedTensor& of) {
    autograd::require_grad(logits);
    const LossSum loss =
        cross_entropy(c.logits.with_values(logits), of, {.label_smoothing = 0.1}, &c.keep);
    return std::pair(autograd::detach(loss.mean()), autograd::backward(loss.mean()).of(logits));
  };
  const auto [loss, gradient] = run(c.logits.values().to(DType::f32), c.targets);
  const auto [poisoned_loss, poisoned_gradient] = run(poisoned, targets);
  EXPECT_TRUE(std::isfinite(value_of(loss)));
  test::expect_same_bits(poisoned_loss, loss);
  test::expect_same_bits(poisoned_gradient, gradient);
}

TEST(CrossEntropy, NothingThatTakesPartGivesZeroAndZeroGradients) {
  Tensor logits = Tensor::from_values<float>(std::array{kNan, 1.0f, 2.0f, kNan}, {2, 2});
  autograd::require_grad(logits);
  const LossSum loss = cross_entropy(logits, ids({-100, -100}));
  EXPECT_EQ(value_of(loss.sum), 0);
  EXPECT_EQ(loss.count, 0);
  EXPECT_EQ(value_of(loss.mean()), 0);
  for (const Tensor& scalar : {loss.sum, loss.mean()}) {
    for (const float d : autograd::backward(scalar).of(logits).values<float>()) EXPECT_EQ(d, 0);
  }
  const LossSum nothing = cross_entropy(Tensor::empty({0, 3}), ids({}));
  EXPECT_EQ(value_of(nothing.mean()), 0);
}

TEST(CrossEntropy, GradientsEqualCentralDifferences) {
  const Case c(6);
  for (const CrossEntropyConfig& config : {CrossEntropyConfig{}, weighted_config(DType::f64)}) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return cross_entropy_per_token(c.logits.with_values(in[0]), c.targets, config, &c.keep)
              .values();
        },
        {c.logits.values().to(DType::f64)});
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return cross_entropy(c.logits.with_values(in[0]), c.targets, config).mean();
        },
        {c.logits.values().to(DType::f64)});
  }
}

TEST(CrossEntropy, GradientsInF32EqualThoseInF64) {
  const Case c(7);
  const auto gradient = [&](DType dtype) {
    Tensor logits = c.logits.values().to(dtype);
    autograd::require_grad(logits);
    const LossSum loss =
        cross_entropy(c.logits.with_values(logits), c.targets, weighted_config(dtype));
    return autograd::backward(loss.sum).of(logits);
  };
  test::expect_close(gradient(DType::f32), gradient(DType::f64), test::kF32);
}

TEST(CrossEntropy, TakesTargetsOfI32AndOtherIgnoredOnes) {
  const Tensor logits = test::Random(8).tensor({2, 3});
  const Tensor targets = Tensor::from_values<int32_t>(std::array{2, 0}, {2});
  test::expect_same_bits(cross_entropy(logits, targets).sum,
                         cross_entropy(logits, ids({2, 0})).sum);
  const LossSum one = cross_entropy(logits, targets, {.ignore_index = 0});
  EXPECT_EQ(one.count, 1);
}

TEST(CrossEntropy, IsNotRecordedInsideANoGradScope) {
  Tensor logits = Tensor::zeros({1, 2});
  autograd::require_grad(logits);
  EXPECT_TRUE(autograd::needs_grad(cross_entropy(logits, ids({0})).mean()));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(cross_entropy(logits, ids({0})).mean()));
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  const Tensor logits = Tensor::zeros({2, 3});
  test::expect_error<InputError>(
      [&] {
        cross_entropy(logits, ids({0, 3}));
      },
      "cross_entropy: targets: expected 0 to 2, or -100 to be ignored, got 3 at 1");
  test::expect_error<ShapeError>([&] { cross_entropy(logits, ids({0})); },
                                 "cross_entropy: targets: expected [2], got [1]");
  test::expect_error<DTypeError>([&] { cross_entropy(logits, Tensor::zeros({2})); },
                                 "cross_entropy: targets: expected i32 or i64, got f32");
  test::expect_error<DTypeError>(
      [&] {
        cross_entropy(logits.to(DType::i32), ids({0, 1}));
      },
      "cross_entropy: logits: expected f32 or f64, got i32");
  test::expect_error<OptionError>(
      [&] {
        cross_entropy(logits, ids({0, 1}), {.label_smoothing = 2});
      },
      "cross_entropy: label_smoothing: expected 0 to 1, got 2");
  test::expect_error<ShapeError>(
      [&] {
        cross_entropy(logits, ids({0, 1}), {.class_weights = Tensor::zeros({2})});
      },
      "cross_entropy: class_weights: expected [3], got [2]");
}

TEST(CrossEntropy, RefusesTargetsOrAMaskOverAnotherLayout) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 1});
  const auto other = RaggedLayout::from_lengths(std::vector<int64_t>{1, 2});
  const RaggedTensor logits(Tensor::zeros({3, 2}), layout);
  const RaggedTensor targets(ids({0, 0, 0}), layout);
  test::expect_error<LayoutError>(
      [&] {
        cross_entropy(logits, {ids({0, 0, 0}), other});
      },
      "cross_entropy: targets: expected logits's layout (B=2, T=3), got (B=2, T=3) whose sequence "
      "0 has 1 tokens, not 2");
  const TokenMask keep = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  test::expect_error<LayoutError>(
      [&] { cross_entropy(logits, targets, {}, &keep); },
      "cross_entropy: keep: expected logits's layout (B=2, T=3), got (B=1, T=3)");
}

}  // namespace
}  // namespace nopad::ops
