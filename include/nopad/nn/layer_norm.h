// LayerNorm: normalisation of each token's vector, with a gain and a bias.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/nn/layer.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

class LayerNorm {
 public:
  static constexpr MaskRule kMaskRule = MaskRule::passes;

  LayerNorm() = default;
  explicit LayerNorm(ops::LayerNormWeights weights) : weights_(std::move(weights)) {}
  // Takes `prefix`.weight and, if it is there, `prefix`.bias.
  // Throws WeightError: the weight is missing, or a shape is not [width].
  static LayerNorm load(const WeightSource& source, std::string_view prefix, int64_t width,
                        float eps);

  // For ops that end with this norm.
  const ops::LayerNormWeights& weights() const noexcept { return weights_; }

  Tensor operator()(const Tensor& x) const { return ops::layer_norm(x, weights_); }
  RaggedTensor operator()(const RaggedTensor& x) const {
    return x.with_values(ops::layer_norm(x.values(), weights_));
  }

 private:
  ops::LayerNormWeights weights_;
};

}  // namespace nopad::nn
