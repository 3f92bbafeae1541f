#include "nopad/autograd/check.h"

#include <cmath>
#include <random>

#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"

namespace nopad::autograd {
namespace {

void expect_f64(const Tensor& tensor, const char* name) {
  if (tensor.dtype() != DType::f64) {
    fail<DTypeError>("check_gradients: ", name, ": expected f64, got ", tensor.dtype());
  }
}

// In [-1, 1), the same on every machine.
Tensor random_weights(const Shape& shape, uint64_t seed) {
  std::mt19937_64 engine(seed);
  Tensor weights = Tensor::empty(shape, DType::f64);
  for (double& weight : weights.mutable_values<double>()) {
    weight = static_cast<double>(engine() >> 11) * 0x1p-52 - 1;
  }
  return weights;
}

double weighted_sum(const Tensor& values, const Tensor& weights) {
  double sum = 0;
  for (int64_t i = 0; i < values.num_elements(); ++i) {
    const auto at = static_cast<size_t>(i);
    sum += values.values<double>()[at] * weights.values<double>()[at];
  }
  return sum;
}

}  // namespace

std::string to_string(const GradientDifference& difference) {
  return concat("input ", difference.input, ", element ", difference.element, ": backward gives ",
                difference.analytic, ", central differences give ", difference.numeric);
}

GradientDifference check_gradients(const std::function<Tensor(std::span<const Tensor>)>& f,
                                   std::vector<Tensor> inputs, GradientCheckConfig config) {
  for (Tensor& input : inputs) {
    expect_f64(input, "input");
    input = Tensor::from_values(input.values<double>(), input.shape());  // ours to change
    require_grad(input);
  }
  const Tensor output = f(inputs);
  expect_f64(output, "output");
  const Tensor weights = random_weights(output.shape(), config.seed);
  const Gradients gradients = backward(output, weights);

  const NoGradScope no_grad;
  GradientDifference worst;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor analytic = gradients.of(inputs[i]);
    for (int64_t element = 0; element < inputs[i].num_elements(); ++element) {
      const auto at = static_cast<size_t>(element);
      double& x = inputs[i].mutable_values<double>()[at];
      const double before = x;
      x = before + config.step;
      const double above = weighted_sum(f(inputs), weights);
      x = before - config.step;
      const double below = weighted_sum(f(inputs), weights);
      x = before;
      const double numeric = (above - below) / (2 * config.step);
      const double found = analytic.values<double>()[at];
      const double difference = std::abs(found - numeric) / (1 + std::abs(numeric));
      if (!(difference <= worst.largest)) worst = {difference, i, element, found, numeric};
    }
  }
  return worst;
}

}  // namespace nopad::autograd
