#include "nopad/ops/pool.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/dispatch_float.h"
#include "ops/reduction.h"

namespace nopad::ops {
namespace {

Tensor pool_groups(const RaggedTensor& x, Pooling pooling, const Tensor& keep) {
  if (x.values().rank() != 2) {
    fail<ShapeError>("pool: x: expected [T, D], got ", x.values().shape());
  }
  const int64_t width = x.values().dim(1);
  const Reduction r = {"pool",
                       {.layout = x.layout(), .keep = keep, .width = width},
                       {x.layout().num_sequences(), width}};
  const auto sum = [&](RowWeights weights) { return reduce_sum(r, x.values(), weights); };
  const auto pick = [&](Pick which) {
    return reduce_pick(r, x.values(), which, Wanted::values).values;
  };
  switch (pooling) {
    case Pooling::cls: return pick(Pick::first);
    case Pooling::max: return pick(Pick::largest);
    case Pooling::mean: return sum(RowWeights::mean);
    case Pooling::mean_sqrt_length: return sum(RowWeights::mean_sqrt_length);
    case Pooling::weighted_mean: return sum(RowWeights::weighted_mean);
    case Pooling::last_token: return pick(Pick::last);
  }
  fail<InternalError>("pool: pooling: got the unknown value ", static_cast<int>(pooling));
}

// What a row is divided by, its length being below eps or not.
template <class T>
T divisor_of(std::span<const T> row, float eps) {
  double sum = 0;
  for (const T value : row) sum += static_cast<double>(value) * value;
  return std::max(static_cast<T>(std::sqrt(sum)), static_cast<T>(eps));
}

// Calls f(row of x, row of out) for each of them.
template <class T, class F>
void for_each_row(const Tensor& x, Tensor& out, F&& f) {
  const auto width = static_cast<size_t>(x.dim(-1));
  const auto from = x.values<T>();
  const auto to = out.mutable_values<T>();
  for (size_t at = 0; at < from.size(); at += width) {
    f(from.subspan(at, width), to.subspan(at, width));
  }
}

// d_x = (d_y - y (y . d_y)) / |x|; where |x| is below eps y is linear in x.
Tensor l2_normalize_backward(const Tensor& x, const Tensor& d_y, float eps) {
  Tensor d_x = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("l2_normalize", "x", x, [&]<class T>(T) {
    const T* d = d_y.values<T>().data();
    for_each_row<T>(x, d_x, [&](std::span<const T> row, std::span<T> out) {
      const T divisor = divisor_of(row, eps);
      double dot = 0;
      for (size_t i = 0; i < row.size(); ++i) dot += static_cast<double>(row[i]) * d[i];
      const T along = divisor > eps ? static_cast<T>(dot) / divisor / divisor : T{0};
      for (size_t i = 0; i < row.size(); ++i) out[i] = (d[i] - row[i] * along) / divisor;
      d += row.size();
    });
  });
  return d_x;
}

}  // namespace

Tensor pool(const RaggedTensor& x, Pooling pooling) { return pool_groups(x, pooling, {}); }

Tensor pool(const RaggedTensor& x, Pooling pooling, const TokenMask& keep) {
  keep.expect_layout(x.layout(), "pool", "x");
  return pool_groups(x, pooling, keep.to_tensor());
}

Tensor l2_normalize(const Tensor& x, float eps) {
  if (x.rank() == 0) fail<ShapeError>("l2_normalize: x: expected at least one axis, got []");
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("l2_normalize", "x", x, [&]<class T>(T) {
    for_each_row<T>(x, out, [&](std::span<const T> row, std::span<T> y) {
      const T divisor = divisor_of(row, eps);
      for (size_t i = 0; i < row.size(); ++i) y[i] = row[i] / divisor;
    });
  });
  if (autograd::should_record({&x})) {
    autograd::record(out, "l2_normalize", {x}, [x = autograd::detach(x), eps](const Tensor& d_out) {
      return std::vector{l2_normalize_backward(x, d_out, eps)};
    });
  }
  return out;
}

}  // namespace nopad::ops
