// Ops that move elements and compute nothing: shapes, axes, parts, copies and dtypes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// All of them take any dtype; negative axes count from the end.
// Mask : they know nothing of sequences. What re-lays tokens is in nopad/ops/tokens.h; the ragged
//        forms here touch the axes within a token and keep the layout.
// Grad : the one tensor operand, or each of several

// The same elements under another shape, in shared storage.
// dims   : at most one may be -1: what the others leave
// Throws : ShapeError
Tensor reshape(const Tensor& x, std::span<const int64_t> dims);
Tensor reshape(const Tensor& x, std::initializer_list<int64_t> dims);
Tensor reshape(const Tensor& x, const Shape& shape);
// token_dims : one token's shape, without T
RaggedTensor reshape(const RaggedTensor& x, std::span<const int64_t> token_dims);
RaggedTensor reshape(const RaggedTensor& x, std::initializer_list<int64_t> token_dims);

// A new axis of size 1 that becomes `axis`.
// Throws : ShapeError, not within the result's axes, or beyond Shape::kMaxRank
Tensor expand_dims(const Tensor& x, int axis);
// Without `axis`.
// Throws : ShapeError, no such axis, or its size is not 1
Tensor squeeze(const Tensor& x, int axis);

// Axis i of the result is axis axes[i] of x.
// Throws : ShapeError, not each axis once
Tensor transpose(const Tensor& x, std::span<const int> axes);
Tensor transpose(const Tensor& x, std::initializer_list<int> axes);
// Throws : ShapeError, no such axis
Tensor swap_axes(const Tensor& x, int a, int b);

// One after the other along an axis.
// tensors : one dtype and, but for that axis, one shape
// Throws  : ShapeError; DTypeError
Tensor concat(std::span<const Tensor> tensors, int axis);
Tensor concat(std::initializer_list<Tensor> tensors, int axis);
Tensor concat(const std::vector<Tensor>& tensors, int axis);
// Along a new axis that becomes `axis`.
// tensors : one dtype, one shape
// Throws  : ShapeError; DTypeError
Tensor stack(std::span<const Tensor> tensors, int axis);
Tensor stack(std::initializer_list<Tensor> tensors, int axis);

// Parts of these sizes, or so many equal ones, along an axis; concat puts them together again.
// Throws : ShapeError, the sizes do not add up to the axis or it does not divide
std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int axis);
std::vector<Tensor> split(const Tensor& x, std::initializer_list<int64_t> sizes, int axis);
std::vector<Tensor> split(const Tensor& x, int64_t num_parts, int axis);
// Elements [begin, end) of an axis, as a copy.
// Throws : ShapeError, not a part of that axis
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);

// All of x, repeats[i] times along axis i.
// repeats : one for each axis, 0 or more
// Throws  : ShapeError
Tensor tile(const Tensor& x, std::span<const int64_t> repeats);
Tensor tile(const Tensor& x, std::initializer_list<int64_t> repeats);

// x in another dtype, as Tensor::to converts; x itself where it has that dtype.
// Grad : x, cast back, where the new dtype is a float; to an integer or bool the gradient ends
Tensor cast(const Tensor& x, DType dtype);
RaggedTensor cast(const RaggedTensor& x, DType dtype);

}  // namespace nopad::ops
