#include "nn/packed_encoder_layer.h"

#include <algorithm>

#include "nopad/nn/layer_norm.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/gate.h"

namespace nopad::nn {
namespace {

// The inner activations, the widest of all, exist for this many tokens at a time: enough rows to keep
// any number of threads busy, few enough to stay in a cache.
constexpr int64_t kFeedForwardRows = 1024;

ops::LayerNormWeights load_norm(const WeightSource& source, const std::string& name,
                                const PackedEncoderLayer::Sizes& sizes) {
  if (name.empty()) return {};
  return LayerNorm::load(source, name, sizes.hidden, sizes.layer_norm_eps).weights();
}

// One layer of `outputs` from as many stored ones as there are names.
Linear load_parts(const WeightSource& source, const std::vector<std::string>& names, int64_t inputs,
                  int64_t outputs, Compute compute) {
  return Linear::load_fused(source, names, inputs, outputs / std::ssize(names), compute);
}

}  // namespace

PackedEncoderLayer PackedEncoderLayer::load(const WeightSource& source, const Names& names,
                                            const Sizes& sizes, const Config& config,
                                            Compute compute) {
  const int64_t inner = (config.is_gated ? 2 : 1) * sizes.intermediate;
  return {{.query_key_value = load_parts(source, names.query_key_value, sizes.hidden,
                                         3 * sizes.attention, compute),
           .attention_output =
               Linear::load(source, names.attention_output, sizes.attention, sizes.hidden, compute),
           .up = load_parts(source, names.up, sizes.hidden, inner, compute),
           .down = Linear::load(source, names.down, sizes.intermediate, sizes.hidden, compute),
           .attention_norm = load_norm(source, names.attention_norm, sizes),
           .output_norm = load_norm(source, names.output_norm, sizes)},
          config};
}

RaggedTensor PackedEncoderLayer::operator()(const RaggedTensor& x,
                                            const AttentionPattern& pattern) const {
  const RaggedTensor attended = parts_.attention_output(
      attend(x, pattern), {.residual = &x.values(), .norm = norm_after(parts_.attention_norm)});
  return attended.with_values(feed_forward(attended.values()));
}

RaggedTensor PackedEncoderLayer::attend(const RaggedTensor& x,
                                        const AttentionPattern& pattern) const {
  const RaggedTensor rows = x.with_values(norm_before(x.values(), parts_.attention_norm));
  RaggedTensor qkv = parts_.query_key_value(rows, ops::LinearEpilogue{});
  if (config_.rotary) {
    qkv = ops::rotate_query_key(std::move(qkv), config_.num_heads, *config_.rotary);
  }
  return ops::self_attention(qkv, {.num_heads = config_.num_heads,
                                   .pattern = pattern,
                                   .relative_positions = config_.relative_positions});
}

Tensor PackedEncoderLayer::feed_forward(const Tensor& x) const {
  const auto run = [&](const Tensor& rows) {
    return parts_.down(inner(norm_before(rows, parts_.output_norm)),
                       {.residual = &rows, .norm = norm_after(parts_.output_norm)});
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

Tensor PackedEncoderLayer::inner(const Tensor& rows) const {
  if (!config_.is_gated) return parts_.up(rows, {.activation = config_.activation});
  return ops::gated(parts_.up(rows, ops::LinearEpilogue{}), config_.activation);
}

Tensor PackedEncoderLayer::norm_before(const Tensor& x, const ops::LayerNormWeights& norm) const {
  return config_.norm_first && norm.gain.num_elements() != 0 ? ops::layer_norm(x, norm) : x;
}

const ops::LayerNormWeights* PackedEncoderLayer::norm_after(
    const ops::LayerNormWeights& norm) const {
  return config_.norm_first ? nullptr : &norm;
}

}  // namespace nopad::nn
