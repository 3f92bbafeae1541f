// softmax: values as shares of one, over the last axis, or over the tokens of each sequence.
#pragma once

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// exp(x) / sum(exp(x)) over the last axis.
// x      : [..., C] f32 or f64
// return : the shape and dtype of x
// Mask   : passes through (position-wise)
// Edge   : -inf takes no part; a row of nothing else gives zeros with zero gradients (PyTorch: NaN);
//          a NaN stays in its row
// Throws : ShapeError, a scalar; DTypeError
// Grad   : x
Tensor softmax(const Tensor& x);
RaggedTensor softmax(const RaggedTensor& x);

// The logarithm of softmax, without its loss of precision.
// Edge   : as softmax; a row of -inf alone stays -inf
Tensor log_softmax(const Tensor& x);
RaggedTensor log_softmax(const RaggedTensor& x);

// softmax over what is kept of the last axis, as if the rest were not there.
// keep   : bool, true = takes part; broadcasts to the shape of x
// return : the shape and dtype of x; exactly 0 where not kept
// Edge   : nothing kept gives zeros with zero gradients; a NaN that is not kept reaches neither the
//          result nor the gradient
// Throws : ShapeError, keep does not broadcast to x; DTypeError
// Grad   : x
Tensor masked_softmax(const Tensor& x, const Tensor& keep);

// softmax over the tokens of each sequence, feature by feature: the weights of attention pooling.
// x      : [T, ...] f32 or f64
// keep   : which tokens take part; all of them in the first form
// return : [T, ...]   per sequence and feature the kept tokens' shares of one, 0 for the others
// Mask   : consumes keep, keeps the layout
// Edge   : an empty sequence has no tokens to give; nothing kept and NaN as masked_softmax
// Throws : LayoutError, keep is over another layout; DTypeError
// Grad   : x
RaggedTensor softmax_over_tokens(const RaggedTensor& x);
RaggedTensor softmax_over_tokens(const RaggedTensor& x, const TokenMask& keep);

}  // namespace nopad::ops
