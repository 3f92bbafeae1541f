// check_gradients: an op's backward pass against central differences.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::autograd {

// The element at which the two disagree most, by |analytic - numeric| / (1 + |numeric|).
struct GradientDifference {
  double largest = 0;
  size_t input = 0;
  int64_t element = 0;
  double analytic = 0, numeric = 0;
};
std::string to_string(const GradientDifference& difference);

// Compares the gradient of a weighted sum of f's output, the weights random and fixed by the seed,
// with (f(x + step) - f(x - step)) / (2 step) for every element of every input.
// f      : a smooth function near the inputs; gives f64 of any shape
// inputs : f64
// Throws : DTypeError, an input or the output is not f64
// Cost   : two calls of f per element
struct GradientCheckConfig {
  double step = 1e-6;
  uint64_t seed = 1;
};
GradientDifference check_gradients(const std::function<Tensor(std::span<const Tensor>)>& f,
                                   std::vector<Tensor> inputs, GradientCheckConfig config = {});

}  // namespace nopad::autograd
