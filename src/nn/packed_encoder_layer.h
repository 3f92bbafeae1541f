// PackedEncoderLayer: an encoder layer for inference alone, packed and fused.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/nn/linear.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// What TransformerEncoderLayer computes, with residuals and norms as epilogues of the products.
class PackedEncoderLayer {
 public:
  // All frozen.
  struct Parts {
    Linear query_key_value, attention_output, up, down;
    ops::LayerNormWeights attention_norm, output_norm;
  };
  struct Config {
    int64_t num_heads = 0;
    Activation activation = Activation::none;
    bool norm_first = false;
  };
  PackedEncoderLayer(Parts parts, const Config& config)
      : parts_(std::move(parts)), config_(config) {}

  // x : [T, D] f32, or bf16 when the parts compute in it   return : the same
  RaggedTensor operator()(const RaggedTensor& x, const AttentionPattern& pattern) const;

 private:
  Tensor feed_forward(const Tensor& x) const;
  // Before a residual, or after it as an epilogue.
  Tensor norm_before(const Tensor& x, const ops::LayerNormWeights& norm) const;
  const ops::LayerNormWeights* norm_after(const ops::LayerNormWeights& norm) const;

  Parts parts_;
  Config config_;
};

}  // namespace nopad::nn
