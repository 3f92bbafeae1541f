// The check of a layer's gradients, to its inputs and parameters, against central differences.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/nn/layer.h"
#include "random.h"

namespace nopad::test {

inline nn::Value with_values(const nn::Value& value, Tensor values) {
  if (value.is_ragged()) return value.ragged().with_values(std::move(values));
  return values;
}

// Fails the running test unless d_value is the gradient of loss() to value, which set() replaces.
inline void expect_central_difference(const Tensor& value, const Tensor& d_value,
                                      const std::function<void(const Tensor&)>& set,
                                      const std::function<double()>& loss, double allowed) {
  constexpr double kStep = 1e-6;
  const Tensor plain = autograd::detach(value);
  const auto at = [&](int64_t element, double step) {
    Tensor moved = Tensor::from_values<double>(plain.values<double>(), plain.shape());
    moved.mutable_values<double>()[static_cast<size_t>(element)] += step;
    set(moved);
    return loss();
  };
  for (int64_t i = 0; i < plain.num_elements(); ++i) {
    const double numeric = (at(i, kStep) - at(i, -kStep)) / (2 * kStep);
    const double analytic = d_value.values<double>()[static_cast<size_t>(i)];
    EXPECT_NEAR(analytic, numeric, allowed * (1 + std::abs(numeric))) << "element " << i;
  }
  set(plain);
}

// Fails the running test unless the gradients of a weighted sum of all outputs agree with central
// differences, for every element of every parameter and every float input. Turns the layer to f64.
// f : how the layer is called
using Call = std::function<std::vector<nn::Value>(std::span<const nn::Value>)>;
inline void expect_layer_gradients(const nn::Layer& layer, const Call& f,
                                   std::vector<nn::Value> inputs, double allowed = 1e-6) {
  layer.to(DType::f64);
  std::vector<size_t> leaves;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].values().dtype() != DType::f32) continue;
    Tensor values = inputs[i].values().to(DType::f64);
    autograd::require_grad(values);
    inputs[i] = with_values(inputs[i], values);
    leaves.push_back(i);
  }
  const std::vector<nn::Value> outputs = f(inputs);
  Random random(7);
  std::vector<Tensor> values, weights;
  for (const nn::Value& output : outputs) {
    values.push_back(output.values());
    weights.push_back(random.tensor(values.back().shape()).to(DType::f64));
  }
  const autograd::Gradients gradients = autograd::backward(values, weights);
  const auto loss = [&] {
    const autograd::NoGradScope no_grad;
    const std::vector<nn::Value> out = f(inputs);
    double sum = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      for (int64_t k = 0; k < out[i].values().num_elements(); ++k) {
        const auto at = static_cast<size_t>(k);
        sum += out[i].values().values<double>()[at] * weights[i].values<double>()[at];
      }
    }
    return sum;
  };
  for (const size_t i : leaves) {
    SCOPED_TRACE(testing::Message() << "input " << i);
    const nn::Value input = inputs[i];
    expect_central_difference(
        input.values(), gradients.of(input.values()),
        [&](const Tensor& value) { inputs[i] = with_values(input, value); }, loss, allowed);
  }
  for (const auto& [name, parameter] : layer.parameters()) {
    if (!parameter.is_trained()) continue;
    SCOPED_TRACE(name);
    const nn::Parameter p = parameter;
    expect_central_difference(
        *p, gradients.of(*p), [&](const Tensor& value) { p.assign(value); }, loss, allowed);
  }
}
inline void expect_layer_gradients(const nn::Layer& layer, std::vector<nn::Value> inputs,
                                   double allowed = 1e-6) {
  expect_layer_gradients(
      layer, [&](std::span<const nn::Value> values) { return layer.apply(values); },
      std::move(inputs), allowed);
}

}  // namespace nopad::test
