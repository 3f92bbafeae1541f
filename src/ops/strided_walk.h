// StridedWalk: the elements of several operands in one row-major order, run by run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "nopad/core/shape.h"

namespace nopad::ops {

// N operands under common axes, each with its stride (in elements) along every axis; a stride of 0
// repeats it. Axes that an operand set walks through as one are merged when they are added, so that
// operands of one shape are a single run whatever their rank.
template <size_t N>
class StridedWalk {
 public:
  using Offsets = std::array<int64_t, N>;
  // Twice a tensor's: tile walks each axis as (repeat, element).
  static constexpr size_t kMaxAxes = size_t{2} * Shape::kMaxRank;

  // Axes come from the outermost to the innermost.
  void add_axis(int64_t dim, const Offsets& strides) {
    num_elements_ *= dim;
    if (dim == 1) return;
    if (num_axes_ > 0 && continues(dim, strides)) {
      axes_[num_axes_ - 1] = {axes_[num_axes_ - 1].dim * dim, strides};
    } else {
      axes_[num_axes_++] = {dim, strides};
    }
  }

  int64_t num_elements() const noexcept { return num_elements_; }
  // The strides inside a run.
  Offsets inner_strides() const noexcept {
    return num_axes_ == 0 ? Offsets{} : axes_[num_axes_ - 1].strides;
  }

  // Calls f(position, count, offsets) over elements [begin, end) of the order: `count` elements from
  // `position` on, which stand in each operand from its offset on, inner_strides() apart.
  template <class F>
  void for_each_run(int64_t begin, int64_t end, F&& f) const {
    Cursor cursor = at(begin);
    const int64_t width = num_axes_ == 0 ? 1 : axes_[num_axes_ - 1].dim;
    while (begin < end) {
      const int64_t left_in_row = width - cursor.column;
      const int64_t count = end - begin < left_in_row ? end - begin : left_in_row;
      f(begin, count, cursor.offsets);
      begin += count;
      if (begin < end) next_row(cursor);
    }
  }

 private:
  struct Axis {
    int64_t dim = 1;
    Offsets strides{};
  };
  struct Cursor {
    std::array<int64_t, kMaxAxes> index{};
    int64_t column = 0;
    Offsets offsets{};
  };

  bool continues(int64_t dim, const Offsets& strides) const noexcept {
    for (size_t k = 0; k < N; ++k) {
      if (axes_[num_axes_ - 1].strides[k] != dim * strides[k]) return false;
    }
    return true;
  }

  static void advance(Offsets& offsets, const Offsets& strides, int64_t steps) noexcept {
    for (size_t k = 0; k < N; ++k) offsets[k] += steps * strides[k];
  }

  Cursor at(int64_t position) const noexcept {
    Cursor cursor;
    for (size_t axis = num_axes_; axis-- > 0 && position > 0;) {
      cursor.index[axis] = position % axes_[axis].dim;
      position /= axes_[axis].dim;
      advance(cursor.offsets, axes_[axis].strides, cursor.index[axis]);
    }
    if (num_axes_ > 0) cursor.column = cursor.index[num_axes_ - 1];
    return cursor;
  }

  // To the first element of the next row: back along the innermost axis, one step along the others.
  void next_row(Cursor& cursor) const noexcept {
    advance(cursor.offsets, axes_[num_axes_ - 1].strides, -cursor.column);
    cursor.column = 0;
    for (size_t axis = num_axes_ - 1; axis-- > 0;) {
      advance(cursor.offsets, axes_[axis].strides, 1);
      if (++cursor.index[axis] < axes_[axis].dim) return;
      advance(cursor.offsets, axes_[axis].strides, -axes_[axis].dim);
      cursor.index[axis] = 0;
    }
  }

  std::array<Axis, kMaxAxes> axes_{};
  size_t num_axes_ = 0;
  int64_t num_elements_ = 1;
};

// Elements that one task takes: enough work to be worth handing out.
inline constexpr int64_t kElementsPerTask = 16384;

}  // namespace nopad::ops
