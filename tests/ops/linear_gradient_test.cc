#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "nopad/ops/linear.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

Tensor random_f64(test::Random& random, const Shape& shape) {
  return random.tensor(shape).to(DType::f64);
}

Tensor apply_linear(std::span<const Tensor> in) { return linear(in[0], in[1], in[2]); }

struct LinearGradients {
  Tensor x, weight, bias;
};

LinearGradients gradients_of(Tensor x, Tensor weight, Tensor bias, const Tensor& d_y) {
  for (Tensor* const leaf : {&x, &weight, &bias}) require_grad(*leaf);
  const autograd::Gradients found = autograd::backward(linear(x, weight, bias), d_y);
  return {found.of(x), found.of(weight), found.of(bias)};
}

TEST(TrainableLinear, MultipliesByHand) {
  const Tensor x = Tensor::from_values<float>(std::array{1.0f, 2.0f}, {1, 2});
  const Tensor weight = Tensor::from_values<float>(std::array{3.0f, 4.0f, 5.0f, 6.0f}, {2, 2});
  const Tensor bias = Tensor::from_values<float>(std::array{10.0f, 20.0f}, {2});
  test::expect_close(linear(x, weight, bias).values<float>(), std::array{21.0f, 37.0f},
                     test::kExact);
  const Tensor d_y = Tensor::from_values<float>(std::array{1.0f, -1.0f}, {1, 2});
  const LinearGradients d = gradients_of(x, weight, bias, d_y);
  test::expect_close(d.x.values<float>(), std::array{-2.0f, -2.0f}, test::kExact);
  test::expect_close(d.weight.values<float>(), std::array{1.0f, 2.0f, -1.0f, -2.0f}, test::kExact);
  test::expect_close(d.bias.values<float>(), std::array{1.0f, -1.0f}, test::kExact);
}

TEST(TrainableLinear, HasTheBitsOfThePackedForm) {
  test::Random random(1);
  const Tensor weight = random.tensor({70, 50}), bias = random.tensor({70});
  const PackedLinear packed(weight, bias, DType::f32);
  for (const int64_t rows : {1, 23, 300}) {
    const Tensor x = random.tensor({rows, 50});
    test::expect_same_bits(linear(x, weight, bias), linear(x, packed));
  }
}

TEST(TrainableLinear, HasTheGradientsOfCentralDifferences) {
  test::Random random(2);
  for (const int64_t rows : {1, 5, 9}) {
    test::expect_gradients(apply_linear, {random_f64(random, {rows, 3}), random_f64(random, {4, 3}),
                                          random_f64(random, {4})});
  }
  test::expect_gradients([](std::span<const Tensor> in) { return linear(in[0], in[1]); },
                         {random_f64(random, {2, 3, 5}), random_f64(random, {2, 5})});
}

TEST(TrainableLinear, HasInF32TheGradientsOfF64) {
  test::Random random(3);
  for (const int64_t rows : {1, 17, 130, 700}) {
    const Tensor x = random.tensor({rows, 45}), weight = random.tensor({67, 45});
    const Tensor bias = random.tensor({67}), d_y = random.tensor({rows, 67});
    const LinearGradients f32 = gradients_of(x, weight, bias, d_y);
    const LinearGradients f64 = gradients_of(x.to(DType::f64), weight.to(DType::f64),
                                             bias.to(DType::f64), d_y.to(DType::f64));
    // The rounding of sums of products of order 1 grows with the root of their number.
    const test::Tolerance close{1e-6 * std::sqrt(static_cast<double>(rows) + 67), 1e-5};
    test::expect_close(f32.x, f64.x, close);
    test::expect_close(f32.weight, f64.weight, close);
    test::expect_close(f32.bias, f64.bias, close);
  }
}

TEST(TrainableLinear, HasTheSameBitsOnAnyNumberOfThreads) {
  test::Random random(4);
  const Tensor weight = random.tensor({65, 130}), bias = random.tensor({65});
  for (const int64_t rows : {7, 400}) {
    const Tensor x = random.tensor({rows, 130}), d_y = random.tensor({rows, 65});
    const LinearGradients expected = gradients_of(x, weight, bias, d_y);
    for (const int threads : {1, 3}) {
      const Execution execution({.num_threads = threads});
      const ExecutionScope scope(execution);
      const LinearGradients d = gradients_of(x, weight, bias, d_y);
      test::expect_same_bits(d.x, expected.x);
      test::expect_same_bits(d.weight, expected.weight);
      test::expect_same_bits(d.bias, expected.bias);
    }
  }
}

TEST(TrainableLinear, GivesASequenceInABatchWhatItGivesItAlone) {
  test::Random random(5);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(8, 70));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 33}), layout);
  const Tensor weight = random.tensor({20, 33}), bias = random.tensor({20});
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return linear(batch, weight, bias); }, x);
  // What reaches x: the weight's gradient is a sum over the batch by definition.
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& d_y) {
        Tensor input = Tensor::zeros({d_y.layout().num_tokens(), 33});
        require_grad(input);
        return d_y.with_values(
            autograd::backward(linear(input, weight, bias), d_y.values()).of(input));
      },
      RaggedTensor(random.tensor({layout.num_tokens(), 20}), layout));
}

TEST(TrainableLinear, ANanInATokenWithoutGradientReachesNoGradient) {
  test::Random random(6);
  Tensor x = random.tensor({9, 5}), d_y = random.tensor({9, 4});
  for (float& value : d_y.rows(3, 5).mutable_values<float>()) value = 0;
  const Tensor weight = random.tensor({4, 5}), bias = random.tensor({4});
  const LinearGradients clean = gradients_of(x, weight, bias, d_y);
  for (float& value : x.rows(3, 5).mutable_values<float>()) {
    value = std::numeric_limits<float>::quiet_NaN();
  }
  const LinearGradients poisoned = gradients_of(x, weight, bias, d_y);
  test::expect_same_bits(poisoned.x, clean.x);
  test::expect_same_bits(poisoned.weight, clean.weight);
  test::expect_same_bits(poisoned.bias, clean.bias);
}

TEST(TrainableLinear, NoRowsGiveZeroGradients) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const LinearGradients d =
        gradients_of(Tensor::empty({0, 5}, dtype), Tensor::zeros({4, 5}, dtype),
                     Tensor::zeros({4}, dtype), Tensor::empty({0, 4}, dtype));
    EXPECT_EQ(d.x.shape(), (Shape{0, 5}));
    test::expect_same_bits(d.weight, Tensor::zeros({4, 5}, dtype));
    test::expect_same_bits(d.bias, Tensor::zeros({4}, dtype));
  }
}

TEST(TrainableLinear, NoInputsGiveTheBias) {
  const Tensor bias = Tensor::from_values<float>(std::array{1.0f, 2.0f}, {2});
  test::expect_close(linear(Tensor::empty({2, 0}), Tensor::empty({2, 0}), bias).values<float>(),
                     std::array{1.0f, 2.0f, 1.0f, 2.0f}, test::kExact);
}

TEST(TrainableLinear, ComputesOnlyTheGradientsThatAreWanted) {
  const Tensor x = Tensor::zeros({2, 3}), bias = Tensor::zeros({4});
  Tensor weight = Tensor::zeros({4, 3});
  EXPECT_FALSE(autograd::needs_grad(linear(x, weight, bias)));
  require_grad(weight);
  EXPECT_TRUE(autograd::needs_grad(linear(x, weight, bias)));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(linear(x, weight, bias)));
}

TEST(TrainableLinear, NamesTheOperandThatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3}), weight = Tensor::zeros({4, 3});
  test::expect_error<ShapeError>(
      [&] {
        linear(Tensor::zeros({2, 5}), weight);
      },
      "linear: x: expected [..., 3], got [2, 5]");
  test::expect_error<ShapeError>([&] { linear(x, Tensor::zeros({3})); },
                                 "linear: weight: expected [outputs, inputs], got [3]");
  test::expect_error<ShapeError>([&] { linear(x, weight, Tensor::zeros({3})); },
                                 "linear: bias: expected [4], got [3]");
  test::expect_error<DTypeError>([&] { linear(x.to(DType::bf16), weight); },
                                 "linear: x: expected f32 or f64, got bf16");
  test::expect_error<DTypeError>([&] { linear(x, weight.to(DType::f64)); },
                                 "linear: weight: expected f32 as x, got f64");
  test::expect_error<DTypeError>([&] { linear(x, weight, Tensor::zeros({4}, DType::f64)); },
                                 "linear: bias: expected f32 as x, got f64");
}

TEST(PackedLinear, RefusesAnInputThatNeedsAGradient) {
  const PackedLinear packed(Tensor::zeros({4, 3}), Tensor(), DType::f32);
  Tensor x = Tensor::zeros({2, 3});
  require_grad(x);
  test::expect_error<OptionError>(
      [&] { linear(x, packed); },
      "linear: an input needs a gradient, and this op has no backward pass; run it in a "
      "NoGradScope");
}

}  // namespace
}  // namespace nopad::ops
