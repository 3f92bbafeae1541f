// attention: each sequence's queries against its keys, per head, without a matrix of B x L x L.
#pragma once

#include <cstdint>

#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

struct AttentionConfig {
  int64_t num_heads = 1;  // H; D = H x head size
  AttentionPattern pattern = AttentionPattern::full();
  float scale = 0;  // 0: 1 / sqrt(head size)
};

// softmax(scale q kᵀ) v inside each sequence, over the keys that the pattern lets a query see.
// q      : [T, D] f32 or bf16
// k, v   : [S, D], same dtype; over a layout of as many sequences, not always the queries'
//          (cross-attention)
// return : [T, D] over the queries' layout
// Mask   : consumes the layouts, keeps the queries'
// Edge   : a query that sees no key (an empty key sequence, a window beyond its end) gives zeros
// Throws : LayoutError, another number of sequences, or k and v over different layouts; ShapeError;
//          DTypeError
// Cost   : the sum over sequences of queries x visible keys; scratch does not grow with T
// Source : https://arxiv.org/abs/1706.03762
RaggedTensor attention(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                       const AttentionConfig& config);

// The same with queries, keys and values side by side, as one projection writes them.
// qkv    : [T, 3 D] f32 or bf16
// return : [T, D]
RaggedTensor self_attention(const RaggedTensor& qkv, const AttentionConfig& config);

}  // namespace nopad::ops
