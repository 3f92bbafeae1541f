#include "ops/row_norm.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/broadcast.h"

namespace nopad::ops {
namespace {

// Rows that one task takes: enough work to be worth handing out. In the backward pass they add to
// weight gradients of their own, which are then added up in order.
constexpr int64_t kRowsPerTask = 64;

template <class T>
kernels::LayerNormBackward<T> backward_kernel() {
  if constexpr (std::is_same_v<T, float>) {
    return kernels::layer_norm_backward_f32(current_execution().isa());
  } else {
    return kernels::ref::layer_norm_backward;
  }
}

// What a backward pass keeps: x and the gain; the statistics are computed anew.
struct Saved {
  Tensor x, gain;
  float eps;
  kernels::Centre centre;
};

template <class T>
std::vector<Tensor> gradients_of(const Saved& saved, const Tensor& d_y) {
  const int64_t width = saved.gain.dim(0);
  const int64_t rows = width == 0 ? 0 : d_y.num_elements() / width;
  const int64_t tasks = (rows + kRowsPerTask - 1) / kRowsPerTask;
  Tensor d_x = Tensor::empty(d_y.shape(), d_y.dtype());
  Tensor d_gains = Tensor::zeros({tasks, width}, d_y.dtype());
  Tensor d_biases = Tensor::zeros({tasks, width}, d_y.dtype());
  const kernels::LayerNormBackwardProblem<T> problem{.x = saved.x.values<T>().data(),
                                                     .d_y = d_y.values<T>().data(),
                                                     .d_x = d_x.mutable_values<T>().data(),
                                                     .width = width,
                                                     .gain = saved.gain.values<T>().data(),
                                                     .eps = saved.eps,
                                                     .centre = saved.centre,
                                                     .d_gain = d_gains.mutable_values<T>().data(),
                                                     .d_bias = d_biases.mutable_values<T>().data()};
  auto run_tasks = [&, kernel = backward_kernel<T>()](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      kernels::LayerNormBackwardProblem<T> part = problem;
      part.d_gain += task * width;
      part.d_bias += task * width;
      kernel(part, task * kRowsPerTask, std::min(rows, (task + 1) * kRowsPerTask));
    }
  };
  current_execution().threads().parallel_for(tasks, 1, run_tasks);
  return {d_x, sum_to_shape(d_gains, Shape{width}), sum_to_shape(d_biases, Shape{width})};
}

template <class T>
void record_norm(Tensor& y, const Tensor& x, const RowNorm& norm) {
  if (!autograd::should_record({&x, &norm.gain, &norm.bias})) return;
  const Saved saved{autograd::detach(x), autograd::detach(norm.gain), norm.eps, norm.centre};
  autograd::record(y, norm.op, {x, norm.gain, norm.bias},
                   [saved](const Tensor& d_y) { return gradients_of<T>(saved, d_y); });
}

template <class T>
Tensor normalise(const Tensor& x, const RowNorm& norm) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.num_elements() > 0) {
    const T* const from = x.values<T>().data();
    T* const to = y.mutable_values<T>().data();
    auto rows = [&, isa = current_execution().isa()](int64_t begin, int64_t end) {
      normalise_rows(isa, from, to, norm, begin, end);
    };
    current_execution().threads().parallel_for(x.num_elements() / x.dim(-1), kRowsPerTask, rows);
  }
  if constexpr (std::is_same_v<T, BFloat16>) {
    autograd::expect_no_grad(norm.op, {&x, &norm.gain, &norm.bias});
  } else {
    record_norm<T>(y, x, norm);
  }
  return y;
}

void expect_weight(const RowNorm& norm, const char* name, const Tensor& weight, int64_t width,
                   DType rows) {
  if (weight.shape() != Shape{width}) {
    fail<ShapeError>(norm.op, ": ", name, ": expected ", Shape{width}, ", got ", weight.shape());
  }
  const DType dtype = rows == DType::f64 ? DType::f64 : DType::f32;
  if (weight.dtype() != dtype) {
    fail<DTypeError>(norm.op, ": ", name, ": expected ", dtype, ", got ", weight.dtype());
  }
}

}  // namespace

RowNorm row_norm_of(const LayerNormWeights& weights) {
  return {"layer_norm", weights.gain, weights.bias, weights.eps, kernels::Centre::mean};
}

void expect_norm_weights(const RowNorm& norm, int64_t width, DType rows) {
  expect_weight(norm, "gain", norm.gain, width, rows);
  if (norm.bias.num_elements() != 0) expect_weight(norm, "bias", norm.bias, width, rows);
}

template <class T>
void normalise_rows(Isa isa, const T* x, T* y, const RowNorm& norm, int64_t begin, int64_t end) {
  using Weight = kernels::NormWeight<T>;
  const int64_t width = norm.gain.dim(0);
  const kernels::LayerNormProblem<T> problem{
      .x = x,
      .x_stride = width,
      .y = y,
      .y_stride = width,
      .width = width,
      .gain = norm.gain.values<Weight>().data(),
      .bias = norm.bias.num_elements() == 0 ? nullptr : norm.bias.values<Weight>().data(),
      .eps = norm.eps,
      .centre = norm.centre};
  if constexpr (std::is_same_v<T, float>) {
    kernels::layer_norm_f32(isa)(problem, begin, end);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    kernels::layer_norm_bf16(isa)(problem, begin, end);
  } else {
    kernels::ref::layer_norm(problem, begin, end);
  }
}
template void normalise_rows(Isa, const float*, float*, const RowNorm&, int64_t, int64_t);
template void normalise_rows(Isa, const BFloat16*, BFloat16*, const RowNorm&, int64_t, int64_t);

Tensor normalise_rows(const Tensor& x, const RowNorm& norm) {
  if (x.rank() == 0) fail<ShapeError>(norm.op, ": x: expected [..., D], got ", x.shape());
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64 && x.dtype() != DType::bf16) {
    fail<DTypeError>(norm.op, ": x: expected f32, f64 or bf16, got ", x.dtype());
  }
  expect_norm_weights(norm, x.dim(-1), x.dtype());
  if (x.dtype() == DType::f64) return normalise<double>(x, norm);
  if (x.dtype() == DType::bf16) return normalise<BFloat16>(x, norm);
  return normalise<float>(x, norm);
}

}  // namespace nopad::ops
