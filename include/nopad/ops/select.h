// Ops that choose among values: what is not chosen reaches neither the result nor any gradient.
#pragma once

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// `value` where `fill_where` is true, x elsewhere. It selects and never multiplies, so a NaN that is
// filled over is gone, in the gradient as well.
// x          : any dtype
// fill_where : bool, a shape that broadcasts to x's
// Throws     : ShapeError; DTypeError; OptionError, a value that x's integer or bool dtype does not
//              hold exactly
// Grad       : x
Tensor masked_fill(const Tensor& x, const Tensor& fill_where, double value);
RaggedTensor masked_fill(const RaggedTensor& x, const RaggedTensor& fill_where, double value);
// `value` in the tokens that take no part.
// Mask   : consumes keep, passes the layout through
// Throws : LayoutError, keep is over another layout
RaggedTensor masked_fill(const RaggedTensor& x, const TokenMask& keep, double value);

// a where the condition holds, b elsewhere.
// condition : bool; the three shapes broadcast
// a, b      : any dtype, both the same
// Throws    : ShapeError; DTypeError; LayoutError
// Grad      : a where it was taken, b where it was: zeros elsewhere, whatever the gradient holds
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
RaggedTensor where(const RaggedTensor& condition, const RaggedTensor& a, const RaggedTensor& b);
// a's tokens where they take part, b's elsewhere.
RaggedTensor where(const TokenMask& keep, const RaggedTensor& a, const RaggedTensor& b);

// Rows of x by their index; a row may be taken more than once.
// x       : [N, ...] any dtype
// indices : [M] i32 or i64, each 0 to N - 1
// return  : [M, ...]
// Throws  : InputError, an index out of range; ShapeError; DTypeError
// Grad    : x; what a row receives is added up in the order of the indices
Tensor gather_rows(const Tensor& x, const Tensor& indices);

}  // namespace nopad::ops
