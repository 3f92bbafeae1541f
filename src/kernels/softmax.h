// Softmax of rows, its gradient, and the sums of exponentials that losses need.
#pragma once

#include <cstdint>

#include "nopad/core/isa.h"

namespace nopad::kernels {

// Rows of `width` values lie one after another. A row's result depends on nothing but the row, and
// each result may overwrite the operand of its shape. A value of -inf takes no part. T is float or
// double.
template <class T>
struct SoftmaxKernels {
  // y = exp(x) / sum(exp(x)); zeros where nothing takes part
  void (*softmax)(const T* x, T* y, int64_t width, int64_t num_rows) noexcept;
  // d_x = y (d_y - sum(y d_y))
  void (*softmax_backward)(const T* y, const T* d_y, T* d_x, int64_t width,
                           int64_t num_rows) noexcept;
  // [num_rows]: log(sum(exp(x))); -inf where nothing takes part
  void (*log_sum_exp)(const T* x, T* out, int64_t width, int64_t num_rows) noexcept;
  // y = scale exp(x - shift), with shift and scale per row
  void (*scaled_exp)(const T* x, const T* shift, const T* scale, T* y, int64_t width,
                     int64_t num_rows) noexcept;
};
// For double: the reference, whatever the instruction set.
template <class T>
const SoftmaxKernels<T>& softmax_kernels(Isa isa) noexcept;

namespace ref {
template <class T>
const SoftmaxKernels<T>& softmax_kernels() noexcept;  // sums are f64
}  // namespace ref

}  // namespace nopad::kernels
