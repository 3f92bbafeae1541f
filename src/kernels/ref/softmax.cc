#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nopad::kernels::ref {
namespace {

// What is taken from every value before exp, so that none overflows.
template <class T>
double shift_of(const T* x, int64_t width) {
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < width; ++i) largest = std::max(largest, static_cast<double>(x[i]));
  return std::isinf(largest) && largest < 0 ? 0 : largest;
}

template <class T>
double sum_exp(const T* x, double shift, int64_t width) {
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += std::exp(x[i] - shift);
  return sum;
}

template <class T>
void softmax(const T* x, T* y, int64_t width, int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    const double shift = shift_of(x, width);
    const double sum = sum_exp(x, shift, width);
    for (int64_t i = 0; i < width; ++i) {
      y[i] = sum == 0 ? T{0} : static_cast<T>(std::exp(x[i] - shift) / sum);
    }
  }
}

template <class T>
void softmax_backward(const T* y, const T* d_y, T* d_x, int64_t width, int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, y += width, d_y += width, d_x += width) {
    double dot = 0;
    for (int64_t i = 0; i < width; ++i) dot += static_cast<double>(y[i]) * d_y[i];
    for (int64_t i = 0; i < width; ++i) d_x[i] = static_cast<T>(y[i] * (d_y[i] - dot));
  }
}

template <class T>
void log_sum_exp(const T* x, T* out, int64_t width, int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width) {
    const double shift = shift_of(x, width);
    out[row] = static_cast<T>(shift + std::log(sum_exp(x, shift, width)));
  }
}

template <class T>
void scaled_exp(const T* x, const T* shift, const T* scale, T* y, int64_t width,
                int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    for (int64_t i = 0; i < width; ++i) {
      y[i] = static_cast<T>(scale[row] * std::exp(static_cast<double>(x[i]) - shift[row]));
    }
  }
}

}  // namespace

template <class T>
const SoftmaxKernels<T>& softmax_kernels() noexcept {
  static constexpr SoftmaxKernels<T> kernels = {softmax<T>, softmax_backward<T>, log_sum_exp<T>,
                                                scaled_exp<T>};
  return kernels;
}
template const SoftmaxKernels<float>& softmax_kernels() noexcept;
template const SoftmaxKernels<double>& softmax_kernels() noexcept;

}  // namespace nopad::kernels::ref
