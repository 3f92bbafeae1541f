// matmul: products of matrices, one by one or in batches.
#pragma once

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// Whether an operand's last two axes are read as each other.
struct MatmulConfig {
  bool transpose_a = false;
  bool transpose_b = false;
};

// a b over the last two axes; the axes before them broadcast as NumPy's do.
// a      : [..., M, K] f32 or f64, or [..., K, M] with transpose_a
// b      : [..., K, N] the dtype of a, or [..., N, K] with transpose_b
// return : [..., M, N]
// Mask   : ignores: whoever multiplies along tokens makes what is left out zero in both operands
// Edge   : K = 0 gives zeros; an empty batch, M or N gives as much; a NaN stays in its row of a or
//          column of b, and one whose row of the result has a zero gradient reaches no gradient
//          where a single b serves all of a
// Throws : ShapeError, below rank 2, K differs or the batches do not broadcast; DTypeError
// Grad   : a, b; the gradient of an operand that was broadcast is a sum in the order of the batch
// Source : numpy.matmul, torch.matmul, without their vectors
Tensor matmul(const Tensor& a, const Tensor& b, MatmulConfig config = {});

// The same for each token's row, or each token's matrix.
// a      : values [T, K] or [T, M, K]
// b      : [K, N], or [N, K] with transpose_b
// Mask   : passes through (position-wise)
// Throws : OptionError, transpose_a where a token has no matrix: it would transpose the tokens;
//          ShapeError, b has another rank
RaggedTensor matmul(const RaggedTensor& a, const Tensor& b, MatmulConfig config = {});

}  // namespace nopad::ops
