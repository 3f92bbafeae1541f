// NumPy's broadcasting: the common shape of operands, how to walk them, and the way back.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "nopad/core/tensor.h"
#include "ops/strided_walk.h"

namespace nopad::ops {

// The shape that a and b broadcast to: axes are matched from the last one, and 1 meets any size.
// operand : what messages call b
// Throws ShapeError: "add: b: expected a shape that broadcasts with [2, 3], got [2]".
Shape broadcast_shape(std::string_view op, std::string_view operand, const Shape& a,
                      const Shape& b);

// The strides of a contiguous operand of `shape`, one for each axis of `out`, which it broadcasts
// to: 0 along the axes that it is repeated on.
std::array<int64_t, Shape::kMaxRank> broadcast_strides(const Shape& shape, const Shape& out);

// Operands of these shapes, in the order of `out`.
template <size_t N>
StridedWalk<N> broadcast_walk(const Shape& out, const std::array<Shape, N>& shapes) {
  std::array<std::array<int64_t, Shape::kMaxRank>, N> strides;
  for (size_t k = 0; k < N; ++k) strides[k] = broadcast_strides(shapes[k], out);
  StridedWalk<N> walk;
  for (size_t axis = 0; axis < out.dims().size(); ++axis) {
    typename StridedWalk<N>::Offsets steps;
    for (size_t k = 0; k < N; ++k) steps[k] = strides[k][axis];
    walk.add_axis(out.dims()[axis], steps);
  }
  return walk;
}

// A sum over some axes of a contiguous tensor, given by two walks over it: the elements of `kept`
// are the sums, those of `summed` (from each of the former on) what is added up, in its order and in
// f64. The bits do not depend on the threads.
struct AxisSum {
  StridedWalk<1> kept;
  StridedWalk<1> summed;
};
// x    : f32 or f64
// sums : a new tensor of x's dtype, contiguous in the order of `kept`
Tensor sum_axes(const Tensor& x, const AxisSum& axes, const Shape& shape);

// The gradient of an operand of `shape` that was broadcast, from that of the result: the sum over
// its repeats. d itself where there were none.
Tensor sum_to_shape(const Tensor& d, const Shape& shape);

}  // namespace nopad::ops
