#include "nn/packed_encoder_layer.h"

#include <algorithm>

#include "nopad/ops/attention.h"

namespace nopad::nn {
namespace {

// The inner activations, the widest of all, exist for this many tokens at a time: enough rows to keep
// any number of threads busy, few enough to stay in a cache.
constexpr int64_t kFeedForwardRows = 1024;

}  // namespace

RaggedTensor PackedEncoderLayer::operator()(const RaggedTensor& x,
                                            const AttentionPattern& pattern) const {
  const RaggedTensor rows = x.with_values(norm_before(x.values(), parts_.attention_norm));
  const RaggedTensor context =
      ops::self_attention(parts_.query_key_value(rows, ops::LinearEpilogue{}),
                          {.num_heads = config_.num_heads, .pattern = pattern});
  const RaggedTensor attended = parts_.attention_output(
      context, {.residual = &x.values(), .norm = norm_after(parts_.attention_norm)});
  return attended.with_values(feed_forward(attended.values()));
}

Tensor PackedEncoderLayer::feed_forward(const Tensor& x) const {
  const auto run = [&](const Tensor& rows) {
    const Tensor inner =
        parts_.up(norm_before(rows, parts_.output_norm), {.activation = config_.activation});
    return parts_.down(inner, {.residual = &rows, .norm = norm_after(parts_.output_norm)});
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

Tensor PackedEncoderLayer::norm_before(const Tensor& x, const ops::LayerNormWeights& norm) const {
  return config_.norm_first ? ops::layer_norm(x, norm) : x;
}

const ops::LayerNormWeights* PackedEncoderLayer::norm_after(
    const ops::LayerNormWeights& norm) const {
  return config_.norm_first ? nullptr : &norm;
}

}  // namespace nopad::nn
