#include "nopad/autograd/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "nopad/autograd/record.h"

namespace nopad::autograd {
namespace {

// x³, with a derivative of `slope` x².
Tensor cube(const Tensor& x, double slope) {
  const auto map = [](const Tensor& from, auto f) {
    Tensor out = Tensor::empty(from.shape(), DType::f64);
    std::ranges::transform(from.values<double>(), out.mutable_values<double>().begin(), f);
    return out;
  };
  Tensor y = map(x, [](double v) { return v * v * v; });
  if (should_record({&x})) {
    record(y, "cube", {x}, [x = detach(x), slope, map](const Tensor& d_y) {
      Tensor d_x = map(x, [&](double v) { return slope * v * v; });
      std::ranges::transform(d_x.values<double>(), d_y.values<double>(),
                             d_x.mutable_values<double>().begin(), std::multiplies<>());
      return std::vector{d_x};
    });
  }
  return y;
}

GradientDifference check_cube(double slope) {
  const std::vector<double> values{0.5, -1.25, 2};
  return check_gradients([&](std::span<const Tensor> in) { return cube(in[0], slope); },
                         {Tensor::from_values<double>(values, {3})});
}

TEST(CheckGradients, ARightGradientAgrees) { EXPECT_LT(check_cube(3).largest, 1e-8); }

TEST(CheckGradients, AWrongOneIsFoundAndShown) {
  const GradientDifference found = check_cube(3.1);
  EXPECT_GT(found.largest, 0.01);
  EXPECT_EQ(found.input, 0u);
  EXPECT_NE(found.analytic, found.numeric);
}

}  // namespace
}  // namespace nopad::autograd
