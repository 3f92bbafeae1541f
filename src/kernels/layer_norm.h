// Layer and RMS normalisation of rows, and their gradients.
#pragma once

#include <cstdint>
#include <type_traits>

#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// What a row's deviations are taken from: its mean, as layer norm does, or zero, as RMS norm does.
enum class Centre { mean, zero };

// Gain and bias of bf16 rows are f32.
template <class T>
using NormWeight = std::conditional_t<std::is_same_v<T, double>, double, float>;

// y = (x - centre) / sqrt(mean((x - centre)²) + eps) * gain + bias, over each row of `width` values;
// y may be x. T is float, BFloat16 (the arithmetic is f32) or, in ref, double. A row's result
// depends on nothing but the row.
template <class T>
struct LayerNormProblem {
  const T* x = nullptr;  // rows `x_stride` apart
  int64_t x_stride = 0;
  T* y = nullptr;
  int64_t y_stride = 0;
  int64_t width = 0;
  const NormWeight<T>* gain = nullptr;  // [width]
  const NormWeight<T>* bias = nullptr;  // [width], or none
  float eps = 0;
  Centre centre = Centre::mean;
};

template <class T>
using LayerNorm = void (*)(const LayerNormProblem<T>& problem, int64_t begin, int64_t end) noexcept;
LayerNorm<float> layer_norm_f32(Isa isa) noexcept;
LayerNorm<BFloat16> layer_norm_bf16(Isa isa) noexcept;

// The gradients of x, gain and bias from that of y. A row whose d_y is zero gets zeros and gives
// none, whatever its x holds.
template <class T>
struct LayerNormBackwardProblem {
  const T* x = nullptr;    // [rows, width]
  const T* d_y = nullptr;  // [rows, width]
  T* d_x = nullptr;        // [rows, width]
  int64_t width = 0;
  const T* gain = nullptr;  // [width]
  float eps = 0;
  Centre centre = Centre::mean;
  T* d_gain = nullptr;  // [width], to which the rows add in their order
  T* d_bias = nullptr;  // [width], likewise
};

template <class T>
using LayerNormBackward = void (*)(const LayerNormBackwardProblem<T>& problem, int64_t begin,
                                   int64_t end) noexcept;
LayerNormBackward<float> layer_norm_backward_f32(Isa isa) noexcept;

namespace ref {
void layer_norm(const LayerNormProblem<float>& problem, int64_t begin, int64_t end) noexcept;
void layer_norm(const LayerNormProblem<double>& problem, int64_t begin, int64_t end) noexcept;
void layer_norm_backward(const LayerNormBackwardProblem<float>& problem, int64_t begin,
                         int64_t end) noexcept;
void layer_norm_backward(const LayerNormBackwardProblem<double>& problem, int64_t begin,
                         int64_t end) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
