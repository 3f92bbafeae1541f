#include "nopad/autograd/backward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "tolerance.h"

namespace nopad::autograd {
namespace {

Tensor vector_of(std::initializer_list<float> values) {
  return Tensor::from_values<float>(values, {static_cast<int64_t>(values.size())});
}

Tensor leaf(std::initializer_list<float> values) {
  Tensor tensor = vector_of(values);
  require_grad(tensor);
  return tensor;
}

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor out = Tensor::empty(a.shape());
  std::ranges::transform(a.values<float>(), b.values<float>(), out.mutable_values<float>().begin(),
                         std::multiplies<>());
  if (should_record({&a, &b})) {
    record(out, "product", {a, b}, [a = detach(a), b = detach(b)](const Tensor& d) {
      return std::vector{product(d, b), product(d, a)};
    });
  }
  return out;
}

// (x, 2 x) as one op of two outputs.
std::vector<Tensor> single_and_double(const Tensor& x) {
  std::vector<Tensor> out{product(detach(x), vector_of({1, 1})),
                          product(detach(x), vector_of({2, 2}))};
  if (should_record({&x})) {
    record_all(out, "single_and_double", std::span(&x, 1), [](std::span<const Tensor> d) {
      Tensor sum = Tensor::empty(d[0].shape());
      std::ranges::transform(d[0].values<float>(), d[1].values<float>(),
                             sum.mutable_values<float>().begin(),
                             [](float one, float two) { return one + 2 * two; });
      return std::vector{sum};
    });
  }
  return out;
}

TEST(Backward, AProductGivesEachFactorTheOther) {
  const Tensor a = leaf({2, 3}), b = leaf({5, 7});
  const Gradients gradients = backward(product(a, b), vector_of({1, 10}));
  test::expect_same_bits(gradients.of(a), vector_of({5, 70}));
  test::expect_same_bits(gradients.of(b), vector_of({2, 30}));
}

TEST(Backward, GradientsOfOneTensorAddUp) {
  const Tensor a = leaf({2, 3});
  const Tensor square = product(a, a);
  const Gradients gradients = backward(product(square, a), vector_of({1, 1}));
  test::expect_same_bits(gradients.of(a), vector_of({12, 27}));
}

TEST(Backward, ASumLeavesTheGradientThatItWasMadeFromAlone) {
  const Tensor a = leaf({2, 3}), b = leaf({1, 1});
  const Tensor d = vector_of({1, 1});
  const std::vector<Tensor> outputs{product(a, b), product(a, b), product(a, b)};
  const std::vector<Tensor> d_outputs{d, d, d};
  const Gradients gradients = backward(outputs, d_outputs);
  test::expect_same_bits(gradients.of(a), vector_of({3, 3}));
  test::expect_same_bits(d, vector_of({1, 1}));
}

TEST(Backward, AnOutputThatNothingUsedCountsAsZeros) {
  const Tensor a = leaf({2, 3});
  const Gradients gradients = backward(single_and_double(a)[1], vector_of({1, 10}));
  test::expect_same_bits(gradients.of(a), vector_of({2, 20}));
}

TEST(Backward, ALeafThatNothingReachedHasZeros) {
  const Tensor a = leaf({2, 3}), b = leaf({4});
  const Gradients gradients = backward(product(a, a), vector_of({1, 1}));
  EXPECT_FALSE(gradients.contains(b));
  test::expect_same_bits(gradients.of(b), vector_of({0}));
}

TEST(Backward, TheSameGraphCanBeWalkedAgain) {
  const Tensor a = leaf({2, 3});
  const Tensor y = product(a, a);
  const Tensor d = vector_of({1, 1});
  test::expect_same_bits(backward(y, d).of(a), backward(y, d).of(a));
}

TEST(Backward, ADeepGraphNeedsNoStack) {
  const Tensor a = leaf({1});
  Tensor y = a;
  for (int i = 0; i < 200'000; ++i) y = product(y, vector_of({1}));
  test::expect_same_bits(backward(y).of(a), vector_of({1}));
}

TEST(Backward, BadRequestsAreNamed) {
  const Tensor a = leaf({2, 3});
  const Tensor y = product(a, a);
  test::expect_error<ShapeError>([&] { backward(y); },
                                 "backward: output: expected one element, got [2]");
  test::expect_error<ShapeError>([&] { backward(y, vector_of({1})); },
                                 "backward: gradient of output: expected [2], got [1]");
  test::expect_error<DTypeError>(
      [&] {
        backward(y, vector_of({1, 1}).to(DType::f64));
      },
      "backward: gradient of output: expected f32, got f64");
  test::expect_error<OptionError>(
      [&] { backward(vector_of({1})); },
      "backward: output: nothing that it was computed from needs a gradient");
  test::expect_error<OptionError>(
      [&] {
        backward(y, vector_of({1, 1})).of(y);
      },
      "Gradients: leaf: expected a tensor made a leaf by "
      "require_grad, got product");
}

TEST(Backward, AnOpThatGivesAWrongGradientIsCaught) {
  const Tensor a = leaf({2, 3});
  Tensor y = detach(a);
  record(y, "wrong", {a}, [](const Tensor&) { return std::vector{vector_of({1})}; });
  test::expect_error<ShapeError>(
      [&] {
        backward(y, vector_of({1, 1}));
      },
      "wrong: gradient of an input: expected [2], got [1]");
}

}  // namespace
}  // namespace nopad::autograd
