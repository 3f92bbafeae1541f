// TransformerEncoderLayer: self-attention and a feed-forward network, with residuals and norms.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "nopad/core/activation.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// The layer of "Attention is all you need" with the norm after each residual (post-norm), as BERT
// has it:
//   x = norm(x + output(attention(query, key, value of x)))
//   x = norm(x + down(activation(up(x))))
class TransformerEncoderLayer {
 public:
  static constexpr MaskRule kMaskRule = MaskRule::mixes;

  struct Config {
    int64_t hidden_size = 0;        // D
    int64_t num_heads = 0;          // H
    int64_t intermediate_size = 0;  // F
    Activation activation = Activation::gelu;
    float layer_norm_eps = 1e-12f;
    Compute compute = Compute::f32;
  };
  // What a checkpoint calls the parts.
  struct Names {
    std::array<std::string, 3> query_key_value;
    std::string attention_output, attention_norm;
    std::string up, down, output_norm;
  };
  // Throws WeightError: a weight is missing or misshapen.
  static TransformerEncoderLayer load(const WeightSource& source, const Names& names,
                                      const Config& config);

  // x : [T, D] f32, or bf16 when the layer computes in it   return : the same
  RaggedTensor operator()(const RaggedTensor& x,
                          const AttentionPattern& pattern = AttentionPattern::full()) const;

 private:
  // norm(x + down(activation(up(x)))) of [T, D]
  Tensor feed_forward(const Tensor& x) const;

  Config config_;
  Linear query_key_value_, attention_output_, up_, down_;
  LayerNorm attention_norm_, output_norm_;
};

}  // namespace nopad::nn
