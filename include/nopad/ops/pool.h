// pool: one vector per sequence from the vectors of its tokens.
#pragma once

#include "nopad/core/pooling.h"
#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// x      : [T, D] f32, f64 or bf16
// keep   : which tokens take part; all of them in the first form
// return : [B, D], the dtype of x, f32 for bf16
// Mask   : consumes the layout and keep, and ends them
// Edge   : a sequence of which nothing takes part gives zeros
// Throws : LayoutError, keep is over another layout; ShapeError; DTypeError
// Grad   : x; for `max` the first of equals gets all of it
// Source : sentence-transformers' Pooling; weighted_mean counts all tokens of the sequence
Tensor pool(const RaggedTensor& x, Pooling pooling);
Tensor pool(const RaggedTensor& x, Pooling pooling, const TokenMask& keep);

// x / max(|x|, eps) over the last axis: rows of length one.
// x      : [..., D] f32 or f64
// Edge   : a row of zeros stays zeros
// Throws : DTypeError; ShapeError, a scalar
// Grad   : x
// Source : torch.nn.functional.normalize
Tensor l2_normalize(const Tensor& x, float eps = 1e-12f);

}  // namespace nopad::ops
