// attention: each sequence's queries against its keys, per head, without a matrix of B x L x L.
#pragma once

#include <cstdint>
#include <optional>

#include "nopad/ops/dropout.h"
#include "nopad/ops/relative_positions.h"
#include "nopad/ragged/attention_pattern.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

struct AttentionConfig {
  int64_t num_heads = 1;  // H; D = H x head size
  AttentionPattern pattern = AttentionPattern::full();
  double scale = 0;  // 0: 1 / sqrt(head size)
  // Of weights, after the softmax. A draw depends on (seed, step, the sequence's index in the batch,
  // head, query, key) and on nothing else.
  DropoutConfig dropout = {.rate = 0};
  // What scores gain from distances; for self-attention, where queries and keys are the same tokens.
  std::optional<RelativePositions> relative_positions = {};
};

// softmax(scale q kᵀ) v inside each sequence, over the keys that the pattern lets a query see, with
// the scores that relative positions give.
// q      : [T, D] f32, f64 or bf16
// k, v   : [S, D], same dtype; over a layout of as many sequences, not always the queries'
//          (cross-attention)
// return : [T, D] over the queries' layout
// Mask   : consumes the layouts and the pattern, keeps the queries'
// Edge   : a query that sees no key (an empty key sequence, a window beyond its end, an id that no
//          key has) gives zeros and gets the gradient zero. What a query does not see reaches
//          neither its result nor a gradient, whatever it holds; nor does a query without gradient
// Throws : LayoutError, another number of sequences, k and v over different layouts, or a pattern
//          for other tokens, or relative positions between two layouts; ShapeError; DTypeError;
//          LimitError, a sequence longer than the relative positions reach; OptionError, a rate of
//          dropout outside [0, 1], a gradient or dropout in bf16
// Grad   : q, k, v and the table of relative positions; keeps them, the result and one number per
//          query and head, and computes the weights again
// Cost   : the sum over sequences of queries x keys of the pattern's band; scratch grows with the
//          longest sequence where the pattern is no band, else not at all
// Source : https://arxiv.org/abs/1706.03762; backward as https://arxiv.org/abs/2205.14135
RaggedTensor attention(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                       const AttentionConfig& config);

// The same with queries, keys and values side by side, as one projection writes them.
// qkv    : [T, 3 D] f32, f64 or bf16
// return : [T, D]
RaggedTensor self_attention(const RaggedTensor& qkv, const AttentionConfig& config);

}  // namespace nopad::ops
