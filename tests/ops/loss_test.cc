#include "nopad/ops/loss.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

double value_of(const Tensor& scalar) {
  return autograd::detach(scalar).to(DType::f64).values<double>()[0];
}

Tensor row(std::vector<float> values) {
  return Tensor::from_values<float>(values, {std::ssize(values)});
}

using Dense = LossSum (*)(const Tensor&, const Tensor&);
using Ragged = LossSum (*)(const RaggedTensor&, const RaggedTensor&, const TokenMask*);
using PerElement = RaggedTensor (*)(const RaggedTensor&, const RaggedTensor&, const TokenMask*);
struct Named {
  const char* name;
  Dense dense;
  Ragged total;
  PerElement per_element;
};
const std::array<Named, 3> kLosses = {{
    {"binary_cross_entropy_with_logits", binary_cross_entropy_with_logits,
     binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_per_element},
    {"binary_cross_entropy", binary_cross_entropy, binary_cross_entropy,
     binary_cross_entropy_per_element},
    {"mean_squared_error", mean_squared_error, mean_squared_error, squared_error_per_element},
}};

// Predictions that are probabilities, so that every loss takes them, and targets from 0 to 1.
struct Case {
  explicit Case(uint64_t seed) {
    test::Random random(seed);
    const auto layout = RaggedLayout::from_lengths(random.lengths(7, 40));
    const Shape shape{layout.num_tokens(), 3};
    predictions = {random.tensor(shape, 0.05f, 0.95f), layout};
    targets = {random.tensor(shape, 0, 1), layout};
    keep = TokenMask::from_tensor(layout, random.coins({layout.num_tokens()}));
  }
  RaggedTensor predictions, targets;
  TokenMask keep;
};

TEST(BinaryCrossEntropy, IsTheNegativeLogarithmOfTheTargetsShare) {
  const float ln2 = std::log(2.0f);
  const LossSum even = binary_cross_entropy_with_logits(row({0, 0}), row({0, 1}));
  EXPECT_NEAR(value_of(even.sum), 2 * ln2, 1e-6);
  EXPECT_EQ(even.count, 2);
  const LossSum sure = binary_cross_entropy(row({0.25f, 0.25f}), row({1, 0}));
  EXPECT_NEAR(value_of(sure.sum), 2 * ln2 - std::log(0.75), 1e-6);
}

TEST(BinaryCrossEntropy, FromLogitsIsStableFarOut) {
  const LossSum loss = binary_cross_entropy_with_logits(row({1000, -1000, -1000}), row({0, 1, 0}));
  EXPECT_EQ(value_of(loss.sum), 2000);
  const Tensor x = row({-2, -0.5f, 0, 3});
  std::vector<float> shares;
  for (const float value : x.values<float>()) shares.push_back(1 / (1 + std::exp(-value)));
  EXPECT_NEAR(value_of(binary_cross_entropy_with_logits(x, row({0, 1, 0.25f, 1})).sum),
              value_of(binary_cross_entropy(row(shares), row({0, 1, 0.25f, 1})).sum), 1e-5);
}

TEST(BinaryCrossEntropy, ClipsProbabilitiesAsKeras) {
  Tensor p = Tensor::from_values<double>(std::array{0.0, 1.0, 0.5}, {3});
  autograd::require_grad(p);
  const Tensor z = Tensor::from_values<double>(std::array{1.0, 0.0, 1.0}, {3});
  const LossSum loss = binary_cross_entropy(p, z);
  EXPECT_NEAR(value_of(loss.sum), -2 * std::log(1e-7) - std::log(0.5), 1e-8);
  const Tensor d = autograd::backward(loss.sum).of(p);
  test::expect_close(d.values<double>(), std::array{0.0, 0.0, -2.0}, test::kF64);
}

TEST(MeanSquaredError, DividesByTheElementsOfTheTokensThatTakePart) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 1});
  const RaggedTensor x(
      Tensor::from_values<float>(std::array{1.0f, 2.0f, 9.0f, 9.0f, 0.0f, 4.0f}, {3, 2}), layout);
  const auto keep =
      TokenMask::from_tensor(layout, Tensor::from_values<bool>(std::array{true, false, true}, {3}));
  const LossSum loss = mean_squared_error(x, x.with_values(Tensor::zeros({3, 2})), &keep);
  EXPECT_EQ(value_of(loss.sum), 1 + 4 + 16);
  EXPECT_EQ(loss.count, 4);
  EXPECT_EQ(loss.weight, 4);
  EXPECT_EQ(value_of(loss.mean()), 21.0 / 4);
}

TEST(Loss, TwoMicroBatchesAddUpToOneBatch) {
  const Case c(1);
  const Tensor x = c.predictions.values(), z = c.targets.values();
  const int64_t cut = x.dim(0) / 3;
  for (const Named& loss : kLosses) {
    const LossSum both = loss.dense(x.rows(0, cut), z.rows(0, cut)) +
                         loss.dense(x.rows(cut, x.dim(0)), z.rows(cut, x.dim(0)));
    const LossSum whole = loss.total(c.predictions, c.targets, nullptr);
    EXPECT_EQ(both.count, whole.count) << loss.name;
    EXPECT_EQ(both.weight, whole.weight) << loss.name;
    EXPECT_NEAR(value_of(both.mean()), value_of(whole.mean()), 1e-6) << loss.name;
  }
}

TEST(Loss, ASumKeepsItsGradientThroughAddition) {
  Tensor a = row({1, 2}), b = row({3});
  autograd::require_grad(a);
  autograd::require_grad(b);
  const LossSum both = mean_squared_error(a, row({0, 0})) + mean_squared_error(b, row({0}));
  const autograd::Gradients gradients = autograd::backward(both.mean());
  test::expect_close(gradients.of(a).values<float>(), std::array{2 / 3.0f, 4 / 3.0f}, test::kF32);
  test::expect_close(gradients.of(b).values<float>(), std::array{2.0f}, test::kF32);
}

TEST(Loss, ABatchEqualsEachSequenceAlone) {
  const Case c(2);
  for (const Named& loss : kLosses) {
    const RaggedTensor all = loss.per_element(c.predictions, c.targets, nullptr);
    for (int64_t b = 0; b < all.layout().num_sequences(); ++b) {
      const RaggedTensor alone =
          loss.per_element(test::alone(c.predictions, b), test::alone(c.targets, b), nullptr);
      test::expect_same_bits(alone.values(), all.sequence(b));
    }
  }
}

TEST(Loss, ANanAtATokenThatTakesNoPartReachesNeitherLossNorGradient) {
  const Case c(3);
  Tensor poisoned = c.predictions.values().to(DType::f32);
  Tensor poisoned_targets = c.targets.values().to(DType::f32);
  for (size_t i = 0; i < poisoned.values<float>().size(); ++i) {
    if (c.keep.keep()[i / 3]) continue;
    poisoned.mutable_values<float>()[i] = poisoned_targets.mutable_values<float>()[i] = kNan;
  }
  for (const Named& named : kLosses) {
    SCOPED_TRACE(named.name);
    const auto run = [&](Tensor x, const Tensor& z) {
      autograd::require_grad(x);
      const LossSum loss =
          named.total(c.predictions.with_values(x), c.targets.with_values(z), &c.keep);
      return std::pair(autograd::detach(loss.sum), autograd::backward(loss.mean()).of(x));
    };
    const auto [loss, gradient] = run(c.predictions.values().to(DType::f32), c.targets.values());
    const auto [poisoned_loss, poisoned_gradient] = run(poisoned, poisoned_targets);
    test::expect_same_bits(poisoned_loss, loss);
    test::expect_same_bits(poisoned_gradient, gradient);
  }
}

TEST(Loss, NothingThatTakesPartGivesZeroAndZeroGradients) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 0});
  const TokenMask none = TokenMask::none(layout);
  for (const Named& named : kLosses) {
    Tensor x = row({kNan, kNan});
    autograd::require_grad(x);
    const LossSum loss = named.total({x, layout}, {row({kNan, 0}), layout}, &none);
    EXPECT_EQ(loss.count, 0);
    EXPECT_EQ(value_of(loss.mean()), 0);
    for (const float d : autograd::backward(loss.mean()).of(x).values<float>()) EXPECT_EQ(d, 0);
    EXPECT_EQ(value_of(named.dense(Tensor::empty({0, 2}), Tensor::empty({0, 2})).mean()), 0);
  }
}

TEST(Loss, GradientsEqualCentralDifferences) {
  const Case c(4);
  const Tensor z = c.targets.values().to(DType::f64);
  for (const Named& loss : kLosses) {
    SCOPED_TRACE(loss.name);
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return loss
              .per_element(c.predictions.with_values(in[0]), c.targets.with_values(z), &c.keep)
              .values();
        },
        {c.predictions.values().to(DType::f64)});
  }
  test::expect_gradients(
      [](std::span<const Tensor> in) { return mean_squared_error(in[0], in[1]).mean(); },
      {c.predictions.values().to(DType::f64), z});
}

TEST(Loss, GradientsInF32EqualThoseInF64) {
  const Case c(5);
  for (const Named& loss : kLosses) {
    const auto gradient = [&](DType dtype) {
      Tensor x = c.predictions.values().to(dtype);
      autograd::require_grad(x);
      return autograd::backward(loss.dense(x, c.targets.values().to(dtype)).sum).of(x);
    };
    test::expect_close(gradient(DType::f32), gradient(DType::f64), {1e-5, 1e-5});
  }
}

TEST(Loss, RefusesWhatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] {
        mean_squared_error(row({1}), row({1, 2}));
      },
      "mean_squared_error: targets: expected [1], got [2]");
  test::expect_error<DTypeError>([] { binary_cross_entropy(row({1}), row({1}).to(DType::f64)); },
                                 "binary_cross_entropy: targets: expected f32, got f64");
  test::expect_error<DTypeError>(
      [] { mean_squared_error(row({1}).to(DType::i32), row({1}).to(DType::i32)); },
      "mean_squared_error: predictions: expected f32 or f64, got i32");
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{1});
  const TokenMask keep = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{2}));
  test::expect_error<LayoutError>(
      [&] {
        mean_squared_error({row({1}), layout}, {row({1}), layout}, &keep);
      },
      "mean_squared_error: keep: expected predictions's layout (B=1, T=1), got (B=1, T=2)");
  test::expect_error<DTypeError>(
      [] { mean_squared_error(row({1}), row({1})) + LossSum{Tensor::zeros({}, DType::f64)}; },
      "LossSum: b: expected f32, got f64");
}

TEST(Loss, ATargetsGradientIsNotLostInSilence) {
  Tensor z = row({1});
  autograd::require_grad(z);
  EXPECT_THROW(binary_cross_entropy(row({0.5f}), z), OptionError);
}

}  // namespace
}  // namespace nopad::ops
