// What the norms do alike with their gains and biases, [C] each.
#pragma once

#include <string>

#include "nopad/core/error.h"
#include "nopad/core/weight_source.h"
#include "nopad/nn/parameter.h"

namespace nopad::nn {

// Sets a parameter from a vector of any width.
// Throws WeightError: it is missing, no vector, or not as wide as what the parameter holds.
inline void assign_vector(const Parameter& parameter, const WeightSource& source,
                          const std::string& name) {
  const Shape stored = source.shape(name);
  parameter.assign(load_weight(source, name, {stored.num_elements()}));
}

// The gain of a norm that has none, where an op needs one.
inline Tensor ones_like_row(const Tensor& x) {
  return make_initialized(Initializer::ones(), {x.dim(-1)}, x.dtype());
}

}  // namespace nopad::nn
