#include "kernels/gemm_bf16.h"

namespace nopad::kernels::ref {

void multiply(const GemmBf16Problem& p, const float* w) noexcept {
  for (int64_t row = 0; row < p.m; ++row) {
    for (int64_t column = 0; column < p.n; ++column) {
      double sum = 0;
      for (int64_t i = 0; i < p.k; ++i) {
        sum += static_cast<double>(static_cast<float>(p.a[row * p.a_stride + i])) *
               static_cast<double>(static_cast<float>(BFloat16(w[column * p.k + i])));
      }
      if (p.bias != nullptr) sum += static_cast<double>(p.bias[column]);
      float out = activate(p.activation, static_cast<float>(sum));
      if (p.residual != nullptr) {
        out += static_cast<float>(p.residual[row * p.residual_stride + column]);
      }
      if (p.c != nullptr) {
        p.c[row * p.c_stride + column] = BFloat16(out);
      } else {
        p.c_f32[row * p.c_stride + column] = out;
      }
    }
  }
}

}  // namespace nopad::kernels::ref
