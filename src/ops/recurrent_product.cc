#include "ops/recurrent_product.h"

#include <algorithm>

#include "nopad/core/execution.h"
#include "ops/gemm.h"

namespace nopad::ops {

template <>
StepProduct<float>::StepProduct(const float* w, int64_t n, int64_t k, bool is_transposed)
    : n_(n), k_(k) {
  const Execution& execution = current_execution();
  kernel_ = &kernels::gemm_f32(execution.isa());
  const int64_t panels = num_panels(n, kernel_->panel_width);
  packed_ = Tensor::empty({panels * kernel_->panel_width * k});
  float* const packed = packed_.mutable_values<float>().data();
  const auto pack = is_transposed ? kernel_->pack_transposed : kernel_->pack;
  auto pack_panels = [&](int64_t begin, int64_t end) { pack(w, n, k, {begin, end}, packed); };
  execution.threads().parallel_for(panels, 8, pack_panels);
}

template <>
StepProduct<double>::StepProduct(const double* w, int64_t n, int64_t k, bool is_transposed)
    : n_(n), k_(k), packed_(Tensor::empty({n, k}, DType::f64)) {
  double* to = packed_.mutable_values<double>().data();
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t i = 0; i < k; ++i) *to++ = is_transposed ? w[i * n + row] : w[row * k + i];
  }
}

template <>
void StepProduct<float>::multiply(const StepRows<float>& step) const noexcept {
  kernel_->multiply({.m = step.rows,
                     .n = n_,
                     .k = k_,
                     .a = step.a,
                     .a_stride = step.a_stride,
                     .packed = packed_.values<float>().data(),
                     .c = step.c,
                     .c_stride = step.c_stride,
                     .bias = step.bias,
                     .residual = step.addend,
                     .residual_stride = step.c_stride},
                    {0, step.rows}, {0, num_panels(n_, kernel_->panel_width)});
}

template <>
void StepProduct<double>::multiply(const StepRows<double>& step) const noexcept {
  const double* const w = packed_.values<double>().data();
  for (int64_t row = 0; row < step.rows; ++row) {
    for (int64_t column = 0; column < n_; ++column) {
      double sum = step.bias == nullptr ? 0 : step.bias[column];
      for (int64_t i = 0; i < k_; ++i) sum += step.a[row * step.a_stride + i] * w[column * k_ + i];
      if (step.addend != nullptr) sum += step.addend[row * step.c_stride + column];
      step.c[row * step.c_stride + column] = sum;
    }
  }
}

}  // namespace nopad::ops
