// Linear: x weightᵀ + bias for each token.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "nopad/nn/layer.h"
#include "nopad/ops/linear.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

class Linear {
 public:
  static constexpr MaskRule kMaskRule = MaskRule::passes;

  Linear() = default;
  // weight : [outputs, inputs] f32   bias : [outputs] f32, or empty for none
  Linear(const Tensor& weight, const Tensor& bias, Compute compute)
      : packed_(weight, bias, dtype_of(compute)) {}
  // Takes `prefix`.weight and, if it is there, `prefix`.bias.
  // Throws WeightError: the weight is missing, or a shape is not as stated.
  static Linear load(const WeightSource& source, std::string_view prefix, int64_t inputs,
                     int64_t outputs, Compute compute);
  // Several layers over the same input as one, their outputs side by side in the given order.
  static Linear load_fused(const WeightSource& source, std::span<const std::string> prefixes,
                           int64_t inputs, int64_t outputs_each, Compute compute);

  int64_t num_inputs() const noexcept { return packed_.num_inputs(); }
  int64_t num_outputs() const noexcept { return packed_.num_outputs(); }

  // x : [..., inputs]   return : [..., outputs]
  Tensor operator()(const Tensor& x, const ops::LinearEpilogue& epilogue = {}) const {
    return ops::linear(x, packed_, epilogue);
  }
  RaggedTensor operator()(const RaggedTensor& x, const ops::LinearEpilogue& epilogue = {}) const {
    return x.with_values(ops::linear(x.values(), packed_, epilogue));
  }

 private:
  ops::PackedLinear packed_;
};

}  // namespace nopad::nn
