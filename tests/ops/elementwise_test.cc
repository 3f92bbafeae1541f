#include "nopad/ops/elementwise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  std::string name;
  Tensor (*on_tensor)(const Tensor& x);
  RaggedTensor (*on_ragged)(const RaggedTensor& x);
  bool is_of_positive_numbers = false;
};

#define NOPAD_CASE(name)                                                                          \
  {                                                                                               \
#name, [](const Tensor& x) { return name(x); }, [](const RaggedTensor& x) { return name(x); } \
  }
#define NOPAD_ACTIVATION(kind)                                           \
  {                                                                      \
#kind, [](const Tensor& x) { return activate(x, Activation::kind); },  \
        [](const RaggedTensor& x) { return activate(x, Activation::kind); } \
  }
std::vector<Case> all_cases() {
  std::vector<Case> out = {
      NOPAD_CASE(exp),          NOPAD_CASE(square),        NOPAD_CASE(abs),
      NOPAD_CASE(relu),         NOPAD_CASE(gelu),          NOPAD_CASE(gelu_tanh),
      NOPAD_CASE(silu),         NOPAD_CASE(tanh),          NOPAD_CASE(sigmoid),
      NOPAD_CASE(softplus),     NOPAD_CASE(leaky_relu),    NOPAD_CASE(elu),
      NOPAD_CASE(log),          NOPAD_CASE(sqrt),          NOPAD_ACTIVATION(quick_gelu),
      NOPAD_ACTIVATION(none),   NOPAD_ACTIVATION(gelu_10), NOPAD_ACTIVATION(mish),
      NOPAD_ACTIVATION(relu2),  NOPAD_ACTIVATION(relu6),   NOPAD_ACTIVATION(hardswish),
      NOPAD_ACTIVATION(laplace)};
  out[12].is_of_positive_numbers = out[13].is_of_positive_numbers = true;
  return out;
}
#undef NOPAD_ACTIVATION
#undef NOPAD_CASE

Tensor random_arguments(const Case& function, const Shape& shape) {
  return test::Random(1).tensor(shape, function.is_of_positive_numbers ? 0.1f : -3.0f, 3);
}

Tensor tensor_of(std::initializer_list<float> values) {
  return Tensor::from_values<float>(values, {static_cast<int64_t>(values.size())});
}

TEST(Elementwise, GivesTheFormulasValues) {
  const auto expect = [](const Tensor& y, std::initializer_list<float> expected) {
    test::expect_close(y, tensor_of(expected), test::kF32);
  };
  const Tensor x = tensor_of({-2, 0, 1});
  expect(exp(x), {0.13533528f, 1, 2.7182818f});
  expect(log(tensor_of({1, 2})), {0, 0.69314718f});
  expect(sqrt(tensor_of({0, 2})), {0, 1.41421356f});
  expect(square(x), {4, 0, 1});
  expect(abs(x), {2, 0, 1});
  expect(relu(x), {0, 0, 1});
  expect(gelu(x), {-0.04550026f, 0, 0.84134475f});
  expect(gelu_tanh(x), {-0.04540229f, 0, 0.84119199f});
  expect(activate(x, Activation::quick_gelu), {-0.06434138f, 0, 0.84579573f});
  expect(silu(x), {-0.23840584f, 0, 0.73105858f});
  expect(tanh(x), {-0.96402758f, 0, 0.76159416f});
  expect(sigmoid(x), {0.11920292f, 0.5f, 0.73105858f});
  expect(softplus(x), {0.12692801f, 0.69314718f, 1.31326169f});
  expect(leaky_relu(x), {-0.02f, 0, 1});
  expect(leaky_relu(x, 0.3), {-0.6f, 0, 1});
  expect(elu(x), {-0.86466472f, 0, 1});
  expect(elu(x, 2), {-1.72932943f, 0, 1});
}

// As transformers' ACT2FN computes them.
TEST(Elementwise, GivesTheActivationsOfTransformers) {
  const Tensor x = tensor_of({-4, -2, 0, 1, 12});
  const auto expect = [&](Activation activation, std::initializer_list<float> expected) {
    SCOPED_TRACE(to_string(activation));
    test::expect_close(activate(x, activation), tensor_of(expected), test::kF32);
  };
  expect(Activation::gelu_10, {-0.000126684967f, -0.0455002639f, 0, 0.841344746f, 10});
  expect(Activation::mish, {-0.0725917408f, -0.252501483f, 0, 0.865098388f, 12});
  expect(Activation::relu2, {0, 0, 0, 1, 144});
  expect(Activation::relu6, {0, 0, 0, 1, 6});
  expect(Activation::hardswish, {0, -0.333333333f, 0, 0.666666667f, 12});
  expect(Activation::leaky_relu, {-0.04f, -0.02f, 0, 1, 12});
  expect(Activation::laplace, {0, 0, 0.00609445962f, 0.850429649f, 1});
}

TEST(Elementwise, GradientsOfTheActivationsOfTransformersAreThoseOfPyTorch) {
  const auto expect = [](Activation activation, std::initializer_list<float> expected) {
    SCOPED_TRACE(to_string(activation));
    for (const DType dtype : {DType::f32, DType::f64}) {
      Tensor x = tensor_of({-3, 0, 3, 6, 20}).to(dtype);
      autograd::require_grad(x);
      const Tensor ones = tensor_of({1, 1, 1, 1, 1}).to(dtype);
      test::expect_close(autograd::backward(activate(x, activation), ones).of(x),
                         tensor_of(expected), test::kF32);
    }
  };
  expect(Activation::gelu_10, {-0.011945647f, 0.5f, 1.011945647f, 1.0000000355f, 0});
  expect(Activation::mish, {-0.093393115f, 0.6f, 1.021106911f, 1.0001341405f, 1});
  expect(Activation::relu2, {0, 0, 6, 12, 40});
  expect(Activation::relu6, {0, 0, 1, 0, 0});
  expect(Activation::hardswish, {0, 0.5f, 1, 1, 1});
  expect(Activation::leaky_relu, {0.01f, 0.01f, 1, 1, 1});
  expect(Activation::laplace, {0, 0.061113829f, 0, 0, 0});
}

TEST(Elementwise, F32IsCloseToF64) {
  for (const Case& function : all_cases()) {
    SCOPED_TRACE(function.name);
    const Tensor x = random_arguments(function, {30, 1000});
    test::expect_close(function.on_tensor(x), function.on_tensor(x.to(DType::f64)), test::kF32);
  }
}

TEST(Elementwise, GradientsAreThoseOfCentralDifferences) {
  for (const Case& function : all_cases()) {
    SCOPED_TRACE(function.name);
    test::expect_gradients([&](auto in) { return function.on_tensor(in[0]); },
                           {random_arguments(function, {5, 7}).to(DType::f64)});
  }
}

TEST(Elementwise, F32GradientsAreCloseToThoseOfF64) {
  for (const Case& function : all_cases()) {
    SCOPED_TRACE(function.name);
    Tensor x = random_arguments(function, {30, 1000});
    Tensor wide = x.to(DType::f64);
    autograd::require_grad(x);
    autograd::require_grad(wide);
    const Tensor d = test::Random(2).tensor(x.shape());
    test::expect_close(autograd::backward(function.on_tensor(x), d).of(x),
                       autograd::backward(function.on_tensor(wide), d.to(DType::f64)).of(wide),
                       {2e-6, 1e-5});
  }
}

TEST(Elementwise, GradientsAtAKinkAreThoseOfPyTorch) {
  Tensor x = tensor_of({0, 0});
  autograd::require_grad(x);
  const Tensor d = tensor_of({1, 2});
  test::expect_same_bits(autograd::backward(relu(x), d).of(x), tensor_of({0, 0}));
  test::expect_same_bits(autograd::backward(abs(x), d).of(x), tensor_of({0, 0}));
  test::expect_same_bits(autograd::backward(leaky_relu(x, 0.5), d).of(x), tensor_of({0.5f, 1}));
  test::expect_same_bits(autograd::backward(elu(x, 3), d).of(x), tensor_of({3, 6}));
  EXPECT_TRUE(std::isinf(autograd::backward(sqrt(x), d).of(x).values<float>()[0]));
}

TEST(Elementwise, BatchEqualsAlone) {
  test::Random random(3);
  const auto layout = RaggedLayout::from_lengths(random.lengths(12, 70));
  for (const Case& function : all_cases()) {
    SCOPED_TRACE(function.name);
    const RaggedTensor x(random_arguments(function, {layout.num_tokens(), 5}), layout);
    test::expect_batch_equals_alone(function.on_ragged, x);
  }
}

TEST(Elementwise, ANanStaysInItsPlaceInTheGradientToo) {
  for (const Case& function : all_cases()) {
    SCOPED_TRACE(function.name);
    Tensor x = tensor_of({0.5f, kNan, 0.25f});
    autograd::require_grad(x);
    const Tensor d = autograd::backward(function.on_tensor(x), tensor_of({1, 1, 1})).of(x);
    EXPECT_TRUE(std::isfinite(d.values<float>()[0]));
    EXPECT_TRUE(std::isfinite(d.values<float>()[2]));
  }
}

TEST(Elementwise, BitsDoNotDependOnTheThreads) {
  const Tensor x = test::Random(4).tensor({100'003});
  const auto run = [&](int num_threads) {
    const Execution execution({.num_threads = num_threads});
    const ExecutionScope scope(execution);
    return gelu(x);
  };
  test::expect_same_bits(run(1), run(3));
}

TEST(Elementwise, NoElementsGiveNone) {
  for (const Case& function : all_cases()) {
    Tensor x = Tensor::zeros({0, 3});
    autograd::require_grad(x);
    const Tensor y = function.on_tensor(x);
    EXPECT_EQ(y.shape(), (Shape{0, 3})) << function.name;
    EXPECT_EQ(autograd::backward(y, Tensor::zeros({0, 3})).of(x).shape(), (Shape{0, 3}));
  }
}

TEST(Elementwise, NothingIsRecordedInsideANoGradScope) {
  Tensor x = tensor_of({1});
  autograd::require_grad(x);
  EXPECT_TRUE(autograd::needs_grad(exp(x)));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(exp(x)));
}

TEST(Elementwise, OtherDTypesAreRefused) {
  test::expect_error<DTypeError>([] { sigmoid(Tensor::zeros({2}, DType::i32)); },
                                 "sigmoid: x: expected f32 or f64, got i32");
  test::expect_error<DTypeError>(
      [] { activate(Tensor::zeros({2}, DType::bf16), Activation::quick_gelu); },
      "quick_gelu: x: expected f32 or f64, got bf16");
}

}  // namespace
}  // namespace nopad::ops
