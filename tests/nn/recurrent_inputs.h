// What the tests of recurrent layers share: batches with empty sequences, and parameters by name.
#pragma once

#include <string_view>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/nn/layer.h"
#include "random.h"

namespace nopad::test {

inline RaggedTensor random_tokens(std::vector<int64_t> lengths, int64_t width, uint64_t seed = 3) {
  RaggedLayout layout = RaggedLayout::from_lengths(lengths);
  return {Random(seed).tensor({layout.num_tokens(), width}), std::move(layout)};
}

inline nn::Parameter parameter_of(const nn::Layer& layer, std::string_view name) {
  for (const auto& [its_name, parameter] : layer.parameters()) {
    if (its_name == name) return parameter;
  }
  fail<OptionError>("parameter_of: expected a parameter ", name);
}

// Gives a parameter these values, in its shape.
inline void set(const nn::Layer& layer, std::string_view name, std::vector<float> values) {
  const nn::Parameter parameter = parameter_of(layer, name);
  parameter.assign(Tensor::from_values<float>(values, parameter->shape()));
}

inline void build(const nn::Layer& layer, const nn::Spec& input) { layer.build({&input, 1}); }

}  // namespace nopad::test
