#include "nopad/nn/transformer.h"

#include <algorithm>

#include "nopad/ops/attention.h"

namespace nopad::nn {
namespace {

// The inner activations, the widest of all, exist for this many tokens at a time: enough rows to keep
// any number of threads busy, few enough to stay in a cache.
constexpr int64_t kFeedForwardRows = 1024;

}  // namespace

TransformerEncoderLayer TransformerEncoderLayer::load(const WeightSource& source,
                                                      const Names& names, const Config& config) {
  const int64_t hidden = config.hidden_size;
  const auto linear = [&](const std::string& name, int64_t inputs, int64_t outputs) {
    return Linear::load(source, name, inputs, outputs, config.compute);
  };
  const auto norm = [&](const std::string& name) {
    return LayerNorm::load(source, name, hidden, config.layer_norm_eps);
  };
  TransformerEncoderLayer layer;
  layer.config_ = config;
  layer.query_key_value_ =
      Linear::load_fused(source, names.query_key_value, hidden, hidden, config.compute);
  layer.attention_output_ = linear(names.attention_output, hidden, hidden);
  layer.attention_norm_ = norm(names.attention_norm);
  layer.up_ = linear(names.up, hidden, config.intermediate_size);
  layer.down_ = linear(names.down, config.intermediate_size, hidden);
  layer.output_norm_ = norm(names.output_norm);
  return layer;
}

RaggedTensor TransformerEncoderLayer::operator()(const RaggedTensor& x,
                                                 const AttentionPattern& pattern) const {
  const RaggedTensor context = ops::self_attention(
      query_key_value_(x), {.num_heads = config_.num_heads, .pattern = pattern});
  const RaggedTensor attended =
      attention_output_(context, {.residual = &x.values(), .norm = &attention_norm_.weights()});
  return attended.with_values(feed_forward(attended.values()));
}

Tensor TransformerEncoderLayer::feed_forward(const Tensor& x) const {
  const auto run = [&](const Tensor& rows) {
    const Tensor inner = up_(rows, {.activation = config_.activation});
    return down_(inner, {.residual = &rows, .norm = &output_norm_.weights()});
  };
  if (x.dim(0) <= kFeedForwardRows) return run(x);
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  for (int64_t begin = 0; begin < x.dim(0); begin += kFeedForwardRows) {
    const int64_t end = std::min(begin + kFeedForwardRows, x.dim(0));
    const Tensor part = run(x.rows(begin, end));
    std::copy_n(part.bytes(), part.num_bytes(), out.rows(begin, end).mutable_bytes());
  }
  return out;
}

}  // namespace nopad::nn
