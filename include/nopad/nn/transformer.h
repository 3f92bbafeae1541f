// TransformerEncoderLayer and TransformerDecoderLayer: attention and a feed-forward network, with
// residuals and norms.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "nopad/core/activation.h"
#include "nopad/nn/dropout.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/multi_head_attention.h"
#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

class PackedEncoderLayer;

// The layer of "Attention is all you need", with the norm after each residual or, where norm_first
// is set, before what the residual goes around:
//   x = norm1(x + self_attn(x))                  x = x + self_attn(norm1(x))
//   x = norm2(x + linear2(act(linear1(x))))      x = x + linear2(act(linear1(norm2(x))))
// x      : [T, D] f32 or f64; of a frozen layer f32, or bf16 when it computes in it
// return : [T, D]
// Mask   : mixes: tokens of a sequence meet, and the layout goes through
// Edge   : no tokens give none, and zero gradients; an empty sequence stays empty
// Throws : OptionError, settings that make no sense; ShapeError, x is not [T, hidden_size];
//          LayoutError, a pattern for other tokens
// Weights: PyTorch's, by its names: self_attn.in_proj_weight, ..., linear1.weight, linear2.weight,
//          norm1.weight, norm2.weight and the biases
// A layer is either trained or frozen, as Linear is. A frozen one fuses residuals and norms into its
// products, and never holds more inner activations than a cache does; a call in training throws.
// Source : torch.nn.TransformerEncoderLayer
class TransformerEncoderLayer : public SequenceLayer<TransformerEncoderLayer> {
 public:
  struct Config {
    int64_t hidden_size = 0;        // D
    int64_t num_heads = 0;          // H
    int64_t intermediate_size = 0;  // F
    Activation activation = Activation::relu;
    float layer_norm_eps = 1e-5f;
    bool norm_first = false;
    bool use_bias = true;  // of products and norms
    double dropout = 0.1;  // in training: of attention, inner activations, and before each residual
    AttentionPattern pattern = AttentionPattern::full();  // a band
  };
  TransformerEncoderLayer() : TransformerEncoderLayer(Config()) {}
  explicit TransformerEncoderLayer(const Config& config);

  // A frozen layer of the weights as they are now; this one stays as it is.
  // Throws WeightError: it has not been built; DTypeError, its weights are not f32.
  TransformerEncoderLayer freeze(Compute compute) const;
  bool is_frozen() const noexcept { return packed_ != nullptr; }
  using Layer::load;

  using SequenceLayer::operator();
  // pattern : for these tokens; what both it and the setting let see is seen
  RaggedTensor operator()(const RaggedTensor& x, const AttentionPattern& pattern) const;

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  void add_parts();
  RaggedTensor run(const RaggedTensor& x, const AttentionPattern& pattern) const;

  Config config_;
  MultiHeadAttention self_attn_;
  Linear linear1_, linear2_;
  LayerNorm norm1_, norm2_;
  Dropout dropout_;
  std::shared_ptr<const PackedEncoderLayer> packed_;  // null where it is trained
};

// The same with attention to a memory, e.g. an encoder's result, in between:
//   x = norm1(x + self_attn(x)); x = norm2(x + multihead_attn(x, memory));
//   x = norm3(x + linear2(act(linear1(x))))
// x      : [T, D] f32 or f64
// memory : [S, hidden_size]   over as many sequences, of any lengths
// return : [T, D] over the layout of x
// Mask   : mixes: the layout of x goes through; that of the memory is used
// Edge   : as above; a sequence without memory takes multihead_attn.out_proj.bias from it
// Throws : as above; LayoutError, another number of sequences
// Weights: PyTorch's, by its names: as above, and multihead_attn.in_proj_weight, ..., norm3.weight
// Source : torch.nn.TransformerDecoderLayer, whose caller has to give the causal mask; here tokens
//          see those before them unless the setting says otherwise
class TransformerDecoderLayer : public LayerOf<TransformerDecoderLayer> {
 public:
  struct Config {
    int64_t hidden_size = 0;        // D
    int64_t num_heads = 0;          // H
    int64_t intermediate_size = 0;  // F
    Activation activation = Activation::relu;
    float layer_norm_eps = 1e-5f;
    bool norm_first = false;
    bool use_bias = true;  // of products and norms
    double dropout = 0.1;  // in training: of attention, inner activations, and before each residual
    AttentionPattern pattern = AttentionPattern::causal();  // of x to itself; a band
  };
  TransformerDecoderLayer() : TransformerDecoderLayer(Config()) {}
  explicit TransformerDecoderLayer(const Config& config);

  // pattern        : of x to itself, for these tokens; what both it and the setting let see is seen
  // memory_pattern : of x to the memory
  RaggedTensor operator()(const RaggedTensor& x, const RaggedTensor& memory,
                          const AttentionPattern& pattern = AttentionPattern::full(),
                          const AttentionPattern& memory_pattern = AttentionPattern::full()) const;
  Symbol operator()(const Symbol& x, const Symbol& memory) const {
    return apply(std::vector{x, memory}).front();
  }

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override { return MaskRule::mixes; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  void add_parts();
  RaggedTensor run(const RaggedTensor& x, const RaggedTensor& memory,
                   const AttentionPattern& pattern, const AttentionPattern& memory_pattern) const;

  Config config_;
  MultiHeadAttention self_attn_, multihead_attn_;
  Linear linear1_, linear2_;
  LayerNorm norm1_, norm2_, norm3_;
  Dropout dropout_;
};

}  // namespace nopad::nn
