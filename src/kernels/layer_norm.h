// Layer normalisation of rows.
#pragma once

#include <cstdint>

#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// y = (x - mean(x)) / sqrt(var(x) + eps) * gain + bias, over each row of `width` values; y may be
// x. T is float or BFloat16; the arithmetic is f32. A row's result depends on nothing but the row.
template <class T>
struct LayerNormProblem {
  const T* x = nullptr;  // rows `x_stride` apart
  int64_t x_stride = 0;
  T* y = nullptr;
  int64_t y_stride = 0;
  int64_t width = 0;
  const float* gain = nullptr;  // [width]
  const float* bias = nullptr;  // [width], or none
  float eps = 0;
};

template <class T>
using LayerNorm = void (*)(const LayerNormProblem<T>& problem, int64_t begin, int64_t end) noexcept;
LayerNorm<float> layer_norm_f32(Isa isa) noexcept;
LayerNorm<BFloat16> layer_norm_bf16(Isa isa) noexcept;

namespace ref {
void layer_norm(const LayerNormProblem<float>& problem, int64_t begin, int64_t end) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
