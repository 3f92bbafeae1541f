#include "nopad/nn/transformer.h"

#include <array>

#include "nn/packed_encoder_layer.h"
#include "nn/pattern_setting.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"

namespace nopad::nn {
namespace {

// norm(x + f(x)), or x + f(norm(x)).
template <class F>
RaggedTensor around(const RaggedTensor& x, const LayerNorm& norm, bool norm_first, F&& f) {
  return norm_first ? ops::add(x, f(norm(x))) : norm(ops::add(x, f(x)));
}

// The two configs have the same settings, and differ in a default.
template <class Config>
MultiHeadAttention make_attention(const Config& config, const AttentionPattern& pattern) {
  return MultiHeadAttention({.num_heads = config.num_heads,
                             .use_bias = config.use_bias,
                             .dropout = config.dropout,
                             .pattern = pattern});
}

template <class Config>
Linear make_linear(const Config& config, int64_t units, Activation activation) {
  return Linear({.units = units, .use_bias = config.use_bias, .activation = activation});
}

template <class Config>
LayerNorm make_norm(const Config& config) {
  return LayerNorm({.eps = config.layer_norm_eps, .use_bias = config.use_bias});
}

template <class Config>
void visit_settings(ConfigVisitor& visitor, Config& config) {
  visitor.field("hidden_size", config.hidden_size);
  visitor.field("num_heads", config.num_heads);
  visitor.field("intermediate_size", config.intermediate_size);
  visitor.field("activation", config.activation);
  visitor.field("layer_norm_eps", config.layer_norm_eps);
  visitor.field("norm_first", config.norm_first);
  visitor.field("use_bias", config.use_bias);
  visitor.field("dropout", config.dropout);
  visit_pattern(visitor, config.pattern);
}

template <class Config>
void expect_sizes(std::string_view who, const Config& config) {
  if (config.hidden_size < 1 || config.intermediate_size < 1) {
    fail<OptionError>(who, ": hidden_size, intermediate_size: expected 1 or more, got ",
                      config.hidden_size, " and ", config.intermediate_size);
  }
}

template <class Config>
void expect_input(std::string_view who, std::string_view name, const Config& config,
                  const Spec& spec) {
  if (!spec.is_ragged || spec.row != std::vector{config.hidden_size}) {
    fail<ShapeError>(who, ": ", name, ": expected [T, ", config.hidden_size, "], got ", spec);
  }
}

Spec tokens_of(const Spec& like, int64_t width) { return Spec::ragged({width}, like.dtype); }

// A copy, since training goes on writing to the parameter's.
Tensor copy_of(const Tensor& tensor) {
  return Tensor::from_values(tensor.values<float>(), tensor.shape());
}

ops::LayerNormWeights weights_of(const LayerNorm& norm) {
  ops::LayerNormWeights out{.eps = norm.config().eps};
  for (const auto& [name, parameter] : norm.parameters()) {
    (name == "weight" ? out.gain : out.bias) = copy_of(autograd::detach(*parameter));
  }
  return out;
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(const Config& config)
    : SequenceLayer("TransformerEncoderLayer"), config_(config) {
  expect_band(kind(), config_.pattern);
  if (config_.hidden_size != 0) add_parts();
}

void TransformerEncoderLayer::add_parts() {
  self_attn_ = add_layer("self_attn", make_attention(config_, config_.pattern));
  linear1_ =
      add_layer("linear1", make_linear(config_, config_.intermediate_size, config_.activation));
  linear2_ = add_layer("linear2", make_linear(config_, config_.hidden_size, Activation::none));
  norm1_ = add_layer("norm1", make_norm(config_));
  norm2_ = add_layer("norm2", make_norm(config_));
  dropout_ = add_layer("dropout", Dropout({.rate = config_.dropout}));
}

TransformerEncoderLayer TransformerEncoderLayer::freeze(Compute compute) const {
  if (is_frozen()) {
    fail<OptionError>(
        "TransformerEncoderLayer: freeze: expected a trained layer, got a frozen one");
  }
  const MultiHeadAttention::Projections attention = self_attn_.projections();
  const auto pack = [&](const Tensor& weight, const Tensor& bias) {
    return Linear(weight, copy_of(bias), compute);
  };
  TransformerEncoderLayer layer;
  layer.config_ = config_;
  layer.packed_ = std::make_shared<PackedEncoderLayer>(
      PackedEncoderLayer::Parts{.query_key_value = pack(attention.in_weight, attention.in_bias),
                                .attention_output = pack(attention.out_weight, attention.out_bias),
                                .up = linear1_.freeze(compute),
                                .down = linear2_.freeze(compute),
                                .attention_norm = weights_of(norm1_),
                                .output_norm = weights_of(norm2_)},
      PackedEncoderLayer::Config{.num_heads = config_.num_heads,
                                 .activation = config_.activation,
                                 .norm_first = config_.norm_first});
  layer.build({});
  return layer;
}

void TransformerEncoderLayer::make_weights(std::span<const Spec> inputs) const {
  if (is_frozen()) return;
  expect_sizes(kind(), config_);
  expect_inputs(inputs.size(), 1);
  expect_input(kind(), "x", config_, inputs[0]);
  const Spec inner = tokens_of(inputs[0], config_.intermediate_size);
  self_attn_.build(inputs);
  linear1_.build(inputs);
  linear2_.build({&inner, 1});
  norm1_.build(inputs);
  norm2_.build(inputs);
}

RaggedTensor TransformerEncoderLayer::operator()(const RaggedTensor& x,
                                                 const AttentionPattern& pattern) const {
  const Spec spec = Spec::of(x);
  if (!is_built()) build({&spec, 1});
  return run(x, pattern);
}

RaggedTensor TransformerEncoderLayer::call(const RaggedTensor& x) const {
  return run(x, AttentionPattern::full());
}

RaggedTensor TransformerEncoderLayer::run(const RaggedTensor& x,
                                          const AttentionPattern& pattern) const {
  if (is_frozen()) {
    if (is_training()) {
      fail<OptionError>(
          "TransformerEncoderLayer: training: expected parameters, got weights packed for "
          "inference; train the layer that was frozen");
    }
    return (*packed_)(x, config_.pattern & pattern);
  }
  const RaggedTensor attended = around(x, norm1_, config_.norm_first, [&](const RaggedTensor& in) {
    return dropout_(self_attn_(in, pattern));
  });
  return around(attended, norm2_, config_.norm_first,
                [&](const RaggedTensor& in) { return dropout_(linear2_(dropout_(linear1_(in)))); });
}

void TransformerEncoderLayer::visit_config(ConfigVisitor& visitor) {
  if (is_frozen()) {
    fail<OptionError>(
        "TransformerEncoderLayer: config: expected a trained layer, got a frozen one, whose "
        "weights can't be saved; save the layer that was frozen");
  }
  const bool has_parts = config_.hidden_size != 0;
  visit_settings(visitor, config_);
  if (!has_parts && config_.hidden_size != 0) add_parts();  // a reader gave the settings
}

TransformerDecoderLayer::TransformerDecoderLayer(const Config& config)
    : LayerOf("TransformerDecoderLayer"), config_(config) {
  expect_band(kind(), config_.pattern);
  if (config_.hidden_size != 0) add_parts();
}

void TransformerDecoderLayer::add_parts() {
  self_attn_ = add_layer("self_attn", make_attention(config_, config_.pattern));
  multihead_attn_ = add_layer("multihead_attn", make_attention(config_, AttentionPattern::full()));
  linear1_ =
      add_layer("linear1", make_linear(config_, config_.intermediate_size, config_.activation));
  linear2_ = add_layer("linear2", make_linear(config_, config_.hidden_size, Activation::none));
  norm1_ = add_layer("norm1", make_norm(config_));
  norm2_ = add_layer("norm2", make_norm(config_));
  norm3_ = add_layer("norm3", make_norm(config_));
  dropout_ = add_layer("dropout", Dropout({.rate = config_.dropout}));
}

void TransformerDecoderLayer::make_weights(std::span<const Spec> inputs) const {
  expect_sizes(kind(), config_);
  expect_inputs(inputs.size(), 2);
  expect_input(kind(), "x", config_, inputs[0]);
  expect_input(kind(), "memory", config_, inputs[1]);
  const std::span<const Spec> tokens = inputs.first(1);
  const Spec inner = tokens_of(inputs[0], config_.intermediate_size);
  self_attn_.build(tokens);
  multihead_attn_.build(inputs);
  linear1_.build(tokens);
  linear2_.build({&inner, 1});
  norm1_.build(tokens);
  norm2_.build(tokens);
  norm3_.build(tokens);
}

RaggedTensor TransformerDecoderLayer::operator()(const RaggedTensor& x, const RaggedTensor& memory,
                                                 const AttentionPattern& pattern,
                                                 const AttentionPattern& memory_pattern) const {
  const std::array<Spec, 2> specs = {Spec::of(x), Spec::of(memory)};
  if (!is_built()) build(specs);
  return run(x, memory, pattern, memory_pattern);
}

std::vector<Value> TransformerDecoderLayer::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), 2);
  return {run(inputs[0].ragged(kind()), inputs[1].ragged(kind()), AttentionPattern::full(),
              AttentionPattern::full())};
}

RaggedTensor TransformerDecoderLayer::run(const RaggedTensor& x, const RaggedTensor& memory,
                                          const AttentionPattern& pattern,
                                          const AttentionPattern& memory_pattern) const {
  const RaggedTensor told = around(x, norm1_, config_.norm_first, [&](const RaggedTensor& in) {
    return dropout_(self_attn_(in, pattern));
  });
  const RaggedTensor asked = around(told, norm2_, config_.norm_first, [&](const RaggedTensor& in) {
    return dropout_(multihead_attn_(in, memory, memory_pattern));
  });
  return around(asked, norm3_, config_.norm_first,
                [&](const RaggedTensor& in) { return dropout_(linear2_(dropout_(linear1_(in)))); });
}

void TransformerDecoderLayer::visit_config(ConfigVisitor& visitor) {
  const bool has_parts = config_.hidden_size != 0;
  visit_settings(visitor, config_);
  if (!has_parts && config_.hidden_size != 0) add_parts();  // a reader gave the settings
}

}  // namespace nopad::nn
