// Axes of a shape: named ones checked, and shapes that differ in one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/core/shape.h"

namespace nopad::ops {

// An axis counted from the front.
// Throws ShapeError: "slice: axis: expected -2 to 1, got 2".
inline int checked_axis(std::string_view where, int axis, int rank) {
  if (rank == 0) fail<ShapeError>(where, ": expected an axis, and a scalar has none, got ", axis);
  if (axis < -rank || axis >= rank) {
    fail<ShapeError>(where, ": expected ", -rank, " to ", rank - 1, ", got ", axis);
  }
  return axis < 0 ? axis + rank : axis;
}

// A shape with another size along one axis. axis : from the front
inline Shape with_dim(const Shape& shape, int axis, int64_t dim) {
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims[static_cast<size_t>(axis)] = dim;
  return Shape(dims);
}

// A contiguous tensor as [outer, dim, inner] around one axis.
struct AxisView {
  int64_t outer = 1, dim = 1, inner = 1;
};
inline AxisView around_axis(const Shape& shape, int axis) {
  AxisView view;
  const auto dims = shape.dims();
  for (const int64_t dim : dims.first(static_cast<size_t>(axis))) view.outer *= dim;
  view.dim = dims[static_cast<size_t>(axis)];
  for (const int64_t dim : dims.subspan(static_cast<size_t>(axis) + 1)) view.inner *= dim;
  return view;
}

}  // namespace nopad::ops
