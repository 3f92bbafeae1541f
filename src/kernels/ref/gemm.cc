#include "kernels/gemm.h"

#include "kernels/elementwise.h"

namespace nopad::kernels::ref {

float activate(Activation activation, float x) noexcept {
  if (activation == Activation::none) return x;
  return static_cast<float>(evaluate(function_of(activation), kLeakySlope, x));
}

void multiply(const GemmF32Problem& p, const float* w) noexcept {
  for (int64_t row = 0; row < p.m; ++row) {
    for (int64_t column = 0; column < p.n; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < p.k; ++i) {
        const int64_t at = p.a_is_transposed ? i * p.a_stride + row : row * p.a_stride + i;
        sum += static_cast<double>(p.a[at]) * w[column * p.k + i];
      }
      if (p.bias != nullptr) sum += p.bias[column];
      float out = activate(p.activation, static_cast<float>(sum));
      if (p.residual != nullptr) out += p.residual[row * p.residual_stride + column];
      p.c[row * p.c_stride + column] = out;
    }
  }
}

}  // namespace nopad::kernels::ref
