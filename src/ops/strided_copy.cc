#include "ops/strided_copy.h"

#include <algorithm>

#include "nopad/core/execution.h"
#include "ops/axes.h"
#include "ops/broadcast.h"

namespace nopad::ops {
namespace {

template <class T>
void copy_range(const StridedWalk<2>& walk, const T* from, T* to, int64_t begin, int64_t end) {
  const int64_t step = walk.inner_strides()[0], stride = walk.inner_strides()[1];
  walk.for_each_run(begin, end, [&](int64_t, int64_t count, const auto& offsets) {
    const T* const x = from + offsets[0];
    T* const y = to + offsets[1];
    if (step == 1 && stride == 1) {
      std::copy_n(x, count, y);
    } else {
      for (int64_t i = 0; i < count; ++i) y[i * stride] = x[i * step];
    }
  });
}

// The elements before element `begin` of an axis.
int64_t elements_before(const Shape& whole, int axis, int64_t begin) {
  return begin * around_axis(whole, axis).inner;
}

}  // namespace

Strides contiguous_strides(const Shape& shape) { return broadcast_strides(shape, shape); }

StridedWalk<2> copy_walk(const Shape& shape, const Strides& from, const Strides& to) {
  StridedWalk<2> walk;
  for (size_t axis = 0; axis < shape.dims().size(); ++axis) {
    walk.add_axis(shape.dims()[axis], {from[axis], to[axis]});
  }
  return walk;
}

void copy_elements(const StridedWalk<2>& walk, const Tensor& from, int64_t from_begin, Tensor& to,
                   int64_t to_begin) {
  dispatch(from.dtype(), [&]<class T>(T) {
    const T* const source = from.values<T>().data() + from_begin;
    T* const target = to.mutable_values<T>().data() + to_begin;
    auto range = [&](int64_t begin, int64_t end) { copy_range(walk, source, target, begin, end); };
    current_execution().threads().parallel_for(walk.num_elements(), kElementsPerTask, range);
  });
}

Tensor cut(const Tensor& whole, int axis, int64_t begin, int64_t end) {
  Tensor part = Tensor::empty(with_dim(whole.shape(), axis, end - begin), whole.dtype());
  if (part.num_elements() == 0) return part;
  const auto walk =
      copy_walk(part.shape(), contiguous_strides(whole.shape()), contiguous_strides(part.shape()));
  copy_elements(walk, whole, elements_before(whole.shape(), axis, begin), part, 0);
  return part;
}

void paste(const Tensor& part, int axis, int64_t begin, Tensor& whole) {
  if (part.num_elements() == 0) return;
  const auto walk =
      copy_walk(part.shape(), contiguous_strides(part.shape()), contiguous_strides(whole.shape()));
  copy_elements(walk, part, 0, whole, elements_before(whole.shape(), axis, begin));
}

}  // namespace nopad::ops
