// Reductions: over the tokens of each sequence, and over an axis of a dense tensor.
#pragma once

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// Over tokens: one row per sequence from its tokens' values, feature by feature.
// x      : [T, ...]   f32, f64 or bf16
// keep   : which tokens take part; all of them in the first form
// return : [B, ...]   the dtype of x, f32 for bf16
// Mask   : consumes the layout and keep, and ends them
// Edge   : a sequence of which nothing takes part gives zeros, and gets none of the gradient; a NaN
//          shows in its own sequence and feature, one that takes no part nowhere
// Throws : LayoutError, keep is over another layout; DTypeError
// Grad   : x; tokens that take no part get zeros
Tensor sum_over_tokens(const RaggedTensor& x);
Tensor sum_over_tokens(const RaggedTensor& x, const TokenMask& keep);
// The sum over the number of tokens that take part.
Tensor mean_over_tokens(const RaggedTensor& x);
Tensor mean_over_tokens(const RaggedTensor& x, const TokenMask& keep);
// Edge : a NaN wins, as in PyTorch
// Grad : x; of equal winners the first gets all of it
Tensor max_over_tokens(const RaggedTensor& x);
Tensor max_over_tokens(const RaggedTensor& x, const TokenMask& keep);
Tensor min_over_tokens(const RaggedTensor& x);
Tensor min_over_tokens(const RaggedTensor& x, const TokenMask& keep);
// The row of the first or last token that takes part.
Tensor first_token(const RaggedTensor& x);
Tensor first_token(const RaggedTensor& x, const TokenMask& keep);
Tensor last_token(const RaggedTensor& x);
Tensor last_token(const RaggedTensor& x, const TokenMask& keep);

// A maximum or minimum over tokens, and where it stands.
struct TokenExtremum {
  Tensor values;   // [B, ...], as max_over_tokens gives them, gradient and all
  Tensor columns;  // [B, ...] i64: the column in the padded batch that the token came from (its
                   // index where there was none), the first of equals; -1 where nothing takes part
};
TokenExtremum argmax_over_tokens(const RaggedTensor& x);
TokenExtremum argmax_over_tokens(const RaggedTensor& x, const TokenMask& keep);
TokenExtremum argmin_over_tokens(const RaggedTensor& x);
TokenExtremum argmin_over_tokens(const RaggedTensor& x, const TokenMask& keep);

// Over all elements of a dense tensor. Sums are f64 inside.
// x      : [...]   f32, f64 or bf16
// return : []      the dtype of x, f32 for bf16
// Edge   : no elements: 0
// Grad   : x
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);

// Over one axis of a dense tensor, which the result no longer has; negative axes count from the
// end.
// return : the shape of x without the axis; the dtype of x, f32 for bf16
// Edge   : an axis of size 0 gives zeros; NaN and equals as over tokens
// Throws : ShapeError, no such axis; DTypeError
// Grad   : x
Tensor sum(const Tensor& x, int axis);
Tensor mean(const Tensor& x, int axis);
Tensor max(const Tensor& x, int axis);
Tensor min(const Tensor& x, int axis);
// return : i64, the index along the axis; -1 where its size is 0
// Grad   : none, an index has none
Tensor argmax(const Tensor& x, int axis);
Tensor argmin(const Tensor& x, int axis);

}  // namespace nopad::ops
