// PackedEncoderLayer: an encoder layer for inference alone, packed and fused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nopad/core/activation.h"
#include "nopad/nn/linear.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ops/relative_positions.h"
#include "nopad/ops/rotary.h"
#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// What TransformerEncoderLayer computes, with residuals and norms as epilogues of the products; and
// what encoders have beyond it: positions that attention knows, and a feed-forward network
//   x + down(act(gate(x)) * up(x)).
class PackedEncoderLayer {
 public:
  // The linear layers are frozen.
  struct Parts {
    Linear query_key_value;   // [3 A, D]
    Linear attention_output;  // [D, A]
    Linear up;                // [F, D], or [2 F, D] where it is gated: the activated half first
    Linear down;
    ops::LayerNormWeights attention_norm;  // without a gain: none, which takes norm_first
    ops::LayerNormWeights output_norm;
  };
  struct Config {
    int64_t num_heads = 0;
    Activation activation = Activation::none;
    bool norm_first = false;
    bool is_gated = false;
    std::optional<ops::RotaryTable> rotary = {};
    std::optional<ops::RelativePositions> relative_positions = {};
  };
  PackedEncoderLayer(Parts parts, const Config& config)
      : parts_(std::move(parts)), config_(config) {}

  // What a checkpoint calls the parts.
  struct Names {
    std::vector<std::string> query_key_value = {};  // three, or one that holds all in this order
    std::string attention_output = {};
    std::string attention_norm = {};  // empty: none
    // Gated: two, the activated one first, or one that holds both in this order.
    std::vector<std::string> up = {};
    std::string down = {}, output_norm = {};
  };
  struct Sizes {
    int64_t hidden = 0;     // D
    int64_t attention = 0;  // A, the widths of all heads together
    int64_t intermediate = 0;
    float layer_norm_eps = 1e-5f;
  };
  // Biases that are not there are zeros.
  // Throws WeightError: a weight is missing or misshapen; OptionError, bf16 without matrix tiles.
  static PackedEncoderLayer load(const WeightSource& source, const Names& names, const Sizes& sizes,
                                 const Config& config, Compute compute);

  // x : [T, D] f32, or bf16 when the parts compute in it   return : the same
  RaggedTensor operator()(const RaggedTensor& x, const AttentionPattern& pattern) const;

 private:
  RaggedTensor attend(const RaggedTensor& x, const AttentionPattern& pattern) const;
  Tensor feed_forward(const Tensor& x) const;
  Tensor inner(const Tensor& rows) const;
  // Before a residual, or after it as an epilogue.
  Tensor norm_before(const Tensor& x, const ops::LayerNormWeights& norm) const;
  const ops::LayerNormWeights* norm_after(const ops::LayerNormWeights& norm) const;

  Parts parts_;
  Config config_;
};

}  // namespace nopad::nn
