// The check of an op's backward pass: against central differences in f64.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <vector>

#include "nopad/autograd/check.h"
#include "nopad/core/tensor.h"

namespace nopad::test {

// Fails the running test, at the caller's line, unless backward and central differences agree to
// `allowed` x (1 + |gradient|) for every element of every input (f64).
inline void expect_gradients(const std::function<Tensor(std::span<const Tensor>)>& f,
                             std::vector<Tensor> inputs, double allowed = 1e-6,
                             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const autograd::GradientDifference found = autograd::check_gradients(f, std::move(inputs));
  if (!(found.largest <= allowed)) {
    ADD_FAILURE_AT(file, line) << to_string(found) << ", a difference of " << found.largest;
  }
}

}  // namespace nopad::test
