// MultiHeadAttention: tokens take from each other, or from those of another value, what they look
// for.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "nopad/nn/dropout.h"
#include "nopad/nn/kinds.h"
#include "nopad/ops/attention.h"
#include "nopad/ragged/attention_pattern.h"

namespace nopad::nn {

// out_proj(softmax(q kᵀ / sqrt(K)) v) per head, with q, k and v projections of the inputs.
// query  : [T, Dq] f32 or f64
// key    : [S, Dk]   over as many sequences; itself the query, or another value (cross-attention)
// value  : [S, Dv]   over the key's layout
// return : [T, output_dim] over the query's layout
// Mask   : mixes: the query's layout goes through; keys and values are those that exist. In a merge
//          such as x + f(x) the layout is therefore that of x.
// Edge   : a query that sees no key takes exactly zeros, so that its output is out_proj.bias, and
//          gives finite gradients. What a query does not see does not reach it, NaN or not.
// Throws : OptionError, settings that make no sense; ShapeError; DTypeError; LayoutError, key and
//          value over other tokens, or another number of sequences
// Weights: PyTorch's, so that load() takes a torch.nn.MultiheadAttention as it is, but for its
//          add_bias_kv: in_proj_weight [2 H K + H V, D] where all inputs are D wide, otherwise
//          q_proj_weight [H K, Dq], k_proj_weight [H K, Dk] and v_proj_weight [H V, Dv];
//          in_proj_bias [2 H K + H V]; out_proj.weight [output_dim, H V], out_proj.bias
//          [output_dim]. glorot_uniform; biases are zeros
// Source : https://arxiv.org/abs/1706.03762, torch.nn.MultiheadAttention,
//          keras.layers.MultiHeadAttention
class MultiHeadAttention : public LayerOf<MultiHeadAttention> {
 public:
  struct Config {
    int64_t num_heads = 0;   // H
    int64_t key_dim = 0;     // K, of each head's queries and keys; 0: the query's width / H
    int64_t value_dim = 0;   // V, of each head's values; 0: K
    int64_t output_dim = 0;  // 0: the query's width
    bool use_bias = true;
    double dropout = 0;  // of the weights after the softmax, in training
    int64_t seed = Dropout::kDrawn;
    // A band: full, causal or a window. A pattern made for certain tokens is given to a call.
    AttentionPattern pattern = AttentionPattern::full();
  };
  MultiHeadAttention() : MultiHeadAttention(Config()) {}
  explicit MultiHeadAttention(const Config& config);

  // Self-attention, attention to a memory (key and value in one), and to a key and a value, in
  // PyTorch's order (Keras has the value before the key).
  // pattern : for these tokens; what both it and the setting let see is seen
  RaggedTensor operator()(const RaggedTensor& x,
                          const AttentionPattern& pattern = AttentionPattern::full()) const {
    return run({x}, pattern);
  }
  RaggedTensor operator()(const RaggedTensor& query, const RaggedTensor& memory,
                          const AttentionPattern& pattern = AttentionPattern::full()) const {
    return run({query, memory}, pattern);
  }
  RaggedTensor operator()(const RaggedTensor& query, const RaggedTensor& key,
                          const RaggedTensor& value,
                          const AttentionPattern& pattern = AttentionPattern::full()) const {
    return run({query, key, value}, pattern);
  }
  using LayerOf::operator();
  Symbol operator()(const Symbol& query, const Symbol& memory) const {
    return apply(std::vector{query, memory}).front();
  }
  Symbol operator()(const Symbol& query, const Symbol& key, const Symbol& value) const {
    return apply(std::vector{query, key, value}).front();
  }

  using Layer::load;
  // Takes Keras' `prefix`/query/kernel [D, H, K], ..., `prefix`/attention_output/kernel
  // [H, V, output_dim] and their biases. The layer need not be built.
  // Throws WeightError: one is missing or misshapen.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override { return MaskRule::mixes; }
  void visit_config(ConfigVisitor& visitor) override;

  // The weights as they are, for a layer that is packed for inference. A bias is empty where there
  // is none.
  // Throws WeightError: it has not been built, or not for inputs of one width.
  struct Projections {
    Tensor in_weight, in_bias, out_weight, out_bias;
  };
  Projections projections() const;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  struct Sizes {
    int64_t key, value;  // K, V
  };
  Sizes head_sizes() const;
  RaggedTensor run(std::initializer_list<Value> inputs, const AttentionPattern& pattern) const;
  RaggedTensor attend(std::span<const Value> inputs, const AttentionPattern& pattern) const;
  RaggedTensor attend_apart(std::span<const Value> inputs, const ops::AttentionConfig& config,
                            Sizes sizes) const;
  ops::DropoutConfig draw() const;
  void assign_in(std::span<const Tensor> weights) const;

  Config config_;
  Parameter in_weight_ = add_parameter("in_proj_weight");
  Parameter q_weight_ = add_parameter("q_proj_weight");
  Parameter k_weight_ = add_parameter("k_proj_weight");
  Parameter v_weight_ = add_parameter("v_proj_weight");
  Parameter in_bias_ = add_parameter("in_proj_bias");
  Parameter out_weight_ = add_parameter("out_proj.weight");
  Parameter out_bias_ = add_parameter("out_proj.bias");
  // The number of training calls so far, of all copies.
  std::shared_ptr<std::atomic<uint64_t>> step_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace nopad::nn
