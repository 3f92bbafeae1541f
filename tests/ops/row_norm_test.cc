// What holds for layer_norm and rms_norm alike.
#include "ops/row_norm.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/rms_norm.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

// rms_norm ignores the bias, whose gradient is then zeros.
using Norm = Tensor (*)(const Tensor& x, const Tensor& gain, const Tensor& bias);

Tensor by_layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias) {
  return layer_norm(x, {.gain = gain, .bias = bias, .eps = 1e-3f});
}

Tensor by_rms_norm(const Tensor& x, const Tensor& gain, const Tensor&) {
  return rms_norm(x, {.gain = gain, .eps = 1e-3f});
}

struct NormGradients {
  Tensor x, gain, bias;
};

NormGradients gradients_of(Norm norm, Tensor x, Tensor gain, Tensor bias, const Tensor& d_y) {
  for (Tensor* const leaf : {&x, &gain, &bias}) require_grad(*leaf);
  const autograd::Gradients found = autograd::backward(norm(x, gain, bias), d_y);
  return {found.of(x), found.of(gain), found.of(bias)};
}

class RowNormOp : public testing::TestWithParam<Norm> {
 protected:
  Norm norm() const { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Ops, RowNormOp, testing::Values(by_layer_norm, by_rms_norm),
                         [](const auto& parameter) {
                           return parameter.param == by_rms_norm ? "rms_norm" : "layer_norm";
                         });

TEST_P(RowNormOp, HasTheGradientsOfCentralDifferences) {
  test::Random random(1);
  for (const int64_t rows : {1, 5, 66}) {
    test::expect_gradients([&](std::span<const Tensor> in) { return norm()(in[0], in[1], in[2]); },
                           {random.tensor({rows, 3}).to(DType::f64),
                            random.tensor({3}).to(DType::f64), random.tensor({3}).to(DType::f64)},
                           1e-5);
  }
}

TEST_P(RowNormOp, HasInF32TheResultAndTheGradientsOfF64) {
  test::Random random(2);
  for (const int64_t rows : {1, 63, 200}) {
    const Tensor x = random.tensor({rows, 40}), d_y = random.tensor({rows, 40});
    const Tensor gain = random.tensor({40}), bias = random.tensor({40});
    const Tensor wide_x = x.to(DType::f64), wide_gain = gain.to(DType::f64);
    const Tensor wide_bias = bias.to(DType::f64);
    test::expect_close(norm()(x, gain, bias), norm()(wide_x, wide_gain, wide_bias), {1e-5, 1e-5});
    const NormGradients f32 = gradients_of(norm(), x, gain, bias, d_y);
    const NormGradients f64 =
        gradients_of(norm(), wide_x, wide_gain, wide_bias, d_y.to(DType::f64));
    test::expect_close(f32.x, f64.x, {1e-5, 1e-5});
    test::expect_close(f32.gain, f64.gain, {1e-5, 1e-5});
    test::expect_close(f32.bias, f64.bias, {1e-5, 1e-5});
  }
}

TEST_P(RowNormOp, HasTheSameBitsOnAnyNumberOfThreads) {
  test::Random random(3);
  const Tensor x = random.tensor({300, 33}), d_y = random.tensor({300, 33});
  const Tensor gain = random.tensor({33}), bias = random.tensor({33});
  const NormGradients expected = gradients_of(norm(), x, gain, bias, d_y);
  const Execution three({.num_threads = 3});
  const ExecutionScope scope(three);
  const NormGradients d = gradients_of(norm(), x, gain, bias, d_y);
  test::expect_same_bits(d.x, expected.x);
  test::expect_same_bits(d.gain, expected.gain);
  test::expect_same_bits(d.bias, expected.bias);
}

TEST_P(RowNormOp, GivesASequenceInABatchWhatItGivesItAlone) {
  test::Random random(4);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(8, 70));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 19}), layout);
  const Tensor gain = random.tensor({19}), bias = random.tensor({19});
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) {
        return batch.with_values(norm()(batch.values(), gain, bias));
      },
      x);
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) {
        const Tensor& values = batch.values();
        return batch.with_values(gradients_of(norm(), values, gain, bias, values).x);
      },
      x);
}

TEST_P(RowNormOp, ANanInATokenWithoutGradientReachesNoGradient) {
  test::Random random(5);
  Tensor x = random.tensor({9, 20}), d_y = random.tensor({9, 20});
  const Tensor gain = random.tensor({20}), bias = random.tensor({20});
  for (float& value : d_y.rows(3, 5).mutable_values<float>()) value = 0;
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto gradients = [&](const Tensor& values) {
      return gradients_of(norm(), values.to(dtype), gain.to(dtype), bias.to(dtype), d_y.to(dtype));
    };
    const NormGradients clean = gradients(x);
    Tensor poisoned_x = x.to(DType::f32);
    for (float& value : poisoned_x.rows(3, 5).mutable_values<float>()) {
      value = std::numeric_limits<float>::quiet_NaN();
    }
    const NormGradients poisoned = gradients(poisoned_x);
    test::expect_same_bits(poisoned.x, clean.x);
    test::expect_same_bits(poisoned.gain, clean.gain);
    test::expect_same_bits(poisoned.bias, clean.bias);
  }
}

TEST_P(RowNormOp, NoRowsGiveZeroGradients) {
  const Tensor weight = Tensor::zeros({4});
  const NormGradients d =
      gradients_of(norm(), Tensor::empty({0, 4}), weight, weight, Tensor::empty({0, 4}));
  EXPECT_EQ(d.x.shape(), (Shape{0, 4}));
  test::expect_same_bits(d.gain, weight);
  test::expect_same_bits(d.bias, weight);
  EXPECT_EQ(norm()(Tensor::empty({2, 0}), Tensor(), Tensor()).shape(), (Shape{2, 0}));
}

TEST_P(RowNormOp, RecordsOnlyWhereAGradientIsWantedAndRefusesItInBf16) {
  Tensor gain = Tensor::zeros({3});
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_FALSE(autograd::needs_grad(norm()(x, gain, Tensor())));
  require_grad(gain);
  EXPECT_TRUE(autograd::needs_grad(norm()(x, gain, Tensor())));
  EXPECT_THROW(norm()(x.to(DType::bf16), gain, Tensor()), OptionError);
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(norm()(x, gain, Tensor())));
}

}  // namespace
}  // namespace nopad::ops
