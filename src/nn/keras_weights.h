// Weights under the names that Keras gives them.
#pragma once

#include <string>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/core/weight_source.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {

// "sequential/dense" + "kernel" is "sequential/dense/kernel".
inline std::string join_keras(std::string_view prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : concat(prefix, "/", name);
}

// A kernel [inputs, outputs] as [outputs, inputs].
// Throws WeightError: it is missing, or has another number of outputs.
inline Tensor load_keras_kernel(const WeightSource& source, const std::string& name,
                                int64_t outputs) {
  const Shape stored = source.shape(name);
  const int64_t inputs = stored.rank() == 2 ? stored[0] : 0;
  return ops::swap_axes(load_weight(source, name, {inputs, outputs}), 0, 1);
}

}  // namespace nopad::nn
