// The check of a layer against what Keras or PyTorch gave for the same weights, and its gradients.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/nn/layer.h"
#include "recorded_tensors.h"
#include "tolerance.h"

namespace nopad::test {

inline constexpr Tolerance kRecorded{1e-5, 1e-5};
inline constexpr Tolerance kRecordedGradient{1e-4, 1e-4};

// A padded [B, L, ...] as tokens, anything else as it is.
inline nn::Value recorded_value(const RecordedCase& recorded, const std::string& name,
                                const std::string& keep) {
  const Tensor value = recorded.tensor(name);
  if (keep.empty()) return value;
  const Shape grid = recorded.tensor(keep).shape();
  const bool is_padded = value.rank() == 3 && value.dim(0) == grid[0] && value.dim(1) == grid[1];
  if (is_padded) return recorded.ragged(name, keep);
  return value;
}

using Call = std::function<std::vector<nn::Value>(std::span<const nn::Value>)>;

// What goes in and comes out, and how the layer is called; by default, by apply.
struct RecordedCall {
  std::vector<std::string> inputs = {"input"};
  std::vector<std::string> outputs = {"output"};
  std::string input_keep = "keep";  // empty: inputs go in as they are
  std::string output_keep = "keep";
  Call call = {};
};

// load           : loads a framework's weights, or their gradients, into a layer
// gradient_layer : one like the layer, to hold the recorded gradients
// Fails the running test unless outputs agree to 1e-5 and gradients to 1e-4, those to the weights
// being compared in our layout, into which `load` brings the recorded ones.
template <class L, class Load>
void expect_as_recorded(const L& layer, const L& gradient_layer, const RecordedCase& recorded,
                        const RecordedCall& names, Load&& load) {
  load(layer, recorded.weights());
  std::vector<nn::Value> inputs;
  std::vector<Tensor> leaves;
  for (const std::string& name : names.inputs) {
    const nn::Value value = recorded_value(recorded, name, names.input_keep);
    Tensor leaf = autograd::detach(value.values());
    if (leaf.dtype() == DType::f32) autograd::require_grad(leaf);
    leaves.push_back(leaf);
    inputs.push_back(value.is_ragged() ? nn::Value(value.ragged().with_values(leaf)) : leaf);
  }
  const std::vector<nn::Value> outputs = names.call ? names.call(inputs) : layer.apply(inputs);
  ASSERT_EQ(outputs.size(), names.outputs.size());
  std::vector<Tensor> values, d_values;
  for (size_t i = 0; i < outputs.size(); ++i) {
    SCOPED_TRACE(names.outputs[i]);
    values.push_back(outputs[i].values());
    expect_close(autograd::detach(values[i]),
                 recorded_value(recorded, names.outputs[i], names.output_keep).values(), kRecorded);
    d_values.push_back(
        recorded_value(recorded, "d_" + names.outputs[i], names.output_keep).values());
  }
  const autograd::Gradients gradients = autograd::backward(values, d_values);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!autograd::needs_grad(leaves[i])) continue;
    SCOPED_TRACE("d_" + names.inputs[i]);
    expect_close(gradients.of(leaves[i]),
                 recorded_value(recorded, "d_" + names.inputs[i], names.input_keep).values(),
                 kRecordedGradient);
  }
  if (layer.parameters().empty()) return;
  load(gradient_layer, recorded.d_weights());
  const auto expected = gradient_layer.parameters(), actual = layer.parameters();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    SCOPED_TRACE(actual[i].name);
    expect_close(gradients.of(*actual[i].parameter), autograd::detach(*expected[i].parameter),
                 kRecordedGradient);
  }
}

}  // namespace nopad::test
