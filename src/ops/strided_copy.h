// Copies between tensors whose axes lie differently.
#pragma once

#include <array>
#include <cstdint>

#include "nopad/core/tensor.h"
#include "ops/strided_walk.h"

namespace nopad::ops {

using Strides = std::array<int64_t, Shape::kMaxRank>;

// Those of a contiguous tensor; 0 along axes of size 1.
Strides contiguous_strides(const Shape& shape);

// The elements of (from, to) in the order of `shape`.
StridedWalk<2> copy_walk(const Shape& shape, const Strides& from, const Strides& to);

// to[...] = from[...], both of one dtype, beginning at these elements of their storage.
void copy_elements(const StridedWalk<2>& walk, const Tensor& from, int64_t from_begin, Tensor& to,
                   int64_t to_begin);

// Elements [begin, end) of an axis, counted from the front, which are known to exist.
Tensor cut(const Tensor& whole, int axis, int64_t begin, int64_t end);
// Writes `part` into `whole` from element `begin` of an axis on, where it is known to fit.
void paste(const Tensor& part, int axis, int64_t begin, Tensor& whole);

}  // namespace nopad::ops
