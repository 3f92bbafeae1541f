#include "ops/broadcast.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "nopad/core/execution.h"

namespace nopad::ops {
namespace {

// Neighbouring sums that are taken together, so that memory is read in its order.
constexpr int64_t kColumns = 256;
// Sums of a contiguous run go side by side, in a fixed pattern.
constexpr int64_t kLanes = 8;

// The size of the axis that meets `axis` of a shape of `rank`; 1 where `shape` has none there.
int64_t aligned_dim(const Shape& shape, int axis, int rank) {
  const int own = axis - (rank - shape.rank());
  return own < 0 ? 1 : shape[own];
}

template <class T>
double sum_run(const T* x, int64_t count, int64_t stride) {
  std::array<double, kLanes> lanes{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[static_cast<size_t>(lane)] += static_cast<double>(x[(i + lane) * stride]);
    }
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  for (; i < count; ++i) sum += static_cast<double>(x[i * stride]);
  return sum;
}

// One sum, whose terms begin at x.
template <class T>
double sum_terms(const T* x, const StridedWalk<1>& summed) {
  const int64_t stride = summed.inner_strides()[0];
  double sum = 0;
  summed.for_each_run(0, summed.num_elements(), [&](int64_t, int64_t count, const auto& offsets) {
    sum += sum_run(x + offsets[0], count, stride);
  });
  return sum;
}

// `count` sums whose terms lie side by side, from x on.
template <class T>
void sum_columns(const T* x, int64_t count, const StridedWalk<1>& summed, T* sums) {
  std::array<double, kColumns> columns{};
  const int64_t stride = summed.inner_strides()[0];
  summed.for_each_run(0, summed.num_elements(), [&](int64_t, int64_t rows, const auto& offsets) {
    for (int64_t row = 0; row < rows; ++row) {
      const T* const from = x + offsets[0] + row * stride;
      for (int64_t i = 0; i < count; ++i) {
        columns[static_cast<size_t>(i)] += static_cast<double>(from[i]);
      }
    }
  });
  for (int64_t i = 0; i < count; ++i) sums[i] = static_cast<T>(columns[static_cast<size_t>(i)]);
}

template <class T>
void sum_range(const T* x, const AxisSum& axes, T* sums, int64_t begin, int64_t end) {
  const int64_t stride = axes.kept.inner_strides()[0];
  axes.kept.for_each_run(begin, end, [&](int64_t position, int64_t count, const auto& offsets) {
    if (stride == 1) {
      for (int64_t i = 0; i < count; i += kColumns) {
        sum_columns(x + offsets[0] + i, std::min(kColumns, count - i), axes.summed,
                    sums + position + i);
      }
    } else {
      for (int64_t i = 0; i < count; ++i) {
        sums[position + i] = static_cast<T>(sum_terms(x + offsets[0] + i * stride, axes.summed));
      }
    }
  });
}

}  // namespace

Shape broadcast_shape(std::string_view op, std::string_view operand, const Shape& a,
                      const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> dims{};
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t from_a = aligned_dim(a, axis, rank), from_b = aligned_dim(b, axis, rank);
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      fail<ShapeError>(op, ": ", operand, ": expected a shape that broadcasts with ", a, ", got ",
                       b);
    }
    dims[static_cast<size_t>(axis)] = from_a == 1 ? from_b : from_a;
  }
  return Shape(std::span<const int64_t>(dims.data(), static_cast<size_t>(rank)));
}

std::array<int64_t, Shape::kMaxRank> broadcast_strides(const Shape& shape, const Shape& out) {
  std::array<int64_t, Shape::kMaxRank> strides{};
  int64_t stride = 1;
  for (int axis = out.rank(); axis-- > 0;) {
    const int64_t dim = aligned_dim(shape, axis, out.rank());
    strides[static_cast<size_t>(axis)] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
  return strides;
}

Tensor sum_axes(const Tensor& x, const AxisSum& axes, const Shape& shape) {
  Tensor sums = Tensor::empty(shape, x.dtype());
  const int64_t grain =
      std::max<int64_t>(64, kElementsPerTask / std::max<int64_t>(1, axes.summed.num_elements()));
  const auto run = [&]<class T>(T) {
    const T* const from = x.values<T>().data();
    T* const to = sums.mutable_values<T>().data();
    auto range = [&](int64_t begin, int64_t end) { sum_range(from, axes, to, begin, end); };
    current_execution().threads().parallel_for(sums.num_elements(), grain, range);
  };
  if (x.dtype() == DType::f64) {
    run(double{});
  } else {
    run(float{});
  }
  return sums;
}

Tensor sum_to_shape(const Tensor& d, const Shape& shape) {
  if (d.shape() == shape) return d;
  if (d.num_elements() == 0) return Tensor::zeros(shape, d.dtype());
  const auto repeats = broadcast_strides(shape, d.shape());
  const auto strides = broadcast_strides(d.shape(), d.shape());
  AxisSum axes;
  for (size_t axis = 0; axis < d.shape().dims().size(); ++axis) {
    auto& walk = repeats[axis] == 0 ? axes.summed : axes.kept;
    walk.add_axis(d.shape().dims()[axis], {strides[axis]});
  }
  return sum_axes(d, axes, shape);
}

}  // namespace nopad::ops
