#include "nopad/ops/layer_norm.h"

#include "kernels/layer_norm.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/layer_norm_rows.h"

namespace nopad::ops {
namespace {

// Rows that one task takes: enough work to be worth handing out.
constexpr int64_t kRowsPerTask = 64;

}  // namespace

void expect_layer_norm_weights(const LayerNormWeights& weights, int64_t width) {
  if (weights.gain.shape() != Shape{width}) {
    fail<ShapeError>("layer_norm: gain: expected ", Shape{width}, ", got ", weights.gain.shape());
  }
  if (weights.bias.num_elements() != 0 && weights.bias.shape() != Shape{width}) {
    fail<ShapeError>("layer_norm: bias: expected ", Shape{width}, ", got ", weights.bias.shape());
  }
}

template <class T>
void layer_norm_rows(Isa isa, const T* x, T* y, const LayerNormWeights& weights, int64_t begin,
                     int64_t end) {
  const int64_t width = weights.gain.dim(0);
  const kernels::LayerNormProblem<T> problem{
      .x = x,
      .x_stride = width,
      .y = y,
      .y_stride = width,
      .width = width,
      .gain = weights.gain.values<float>().data(),
      .bias = weights.bias.num_elements() == 0 ? nullptr : weights.bias.values<float>().data(),
      .eps = weights.eps};
  if constexpr (std::is_same_v<T, float>) {
    kernels::layer_norm_f32(isa)(problem, begin, end);
  } else {
    kernels::layer_norm_bf16(isa)(problem, begin, end);
  }
}
template void layer_norm_rows(Isa, const float*, float*, const LayerNormWeights&, int64_t, int64_t);
template void layer_norm_rows(Isa, const BFloat16*, BFloat16*, const LayerNormWeights&, int64_t,
                              int64_t);

Tensor layer_norm(const Tensor& x, const LayerNormWeights& weights) {
  autograd::expect_no_grad("layer_norm", {&x, &weights.gain, &weights.bias});
  const int64_t width = x.dim(-1);
  expect_layer_norm_weights(weights, width);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.num_elements() == 0) return y;
  const auto run = [&]<class T>(T) {
    const T* const from = x.values<T>().data();
    T* const to = y.mutable_values<T>().data();
    const Execution& execution = current_execution();
    auto rows = [&](int64_t begin, int64_t end) {
      layer_norm_rows(execution.isa(), from, to, weights, begin, end);
    };
    execution.threads().parallel_for(x.num_elements() / width, kRowsPerTask, rows);
  };
  if (x.dtype() == DType::f32) {
    run(float{});
  } else if (x.dtype() == DType::bf16) {
    run(BFloat16{});
  } else {
    fail<DTypeError>("layer_norm: x: expected f32 or bf16, got ", x.dtype());
  }
  return y;
}

}  // namespace nopad::ops
