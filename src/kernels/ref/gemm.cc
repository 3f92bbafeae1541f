#include "kernels/gemm.h"

#include <cmath>

namespace nopad::kernels::ref {

float activate(Activation activation, float value) noexcept {
  const double x = value;
  const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  switch (activation) {
    case Activation::none: return value;
    case Activation::gelu: return static_cast<float>(x / 2 * (1 + std::erf(x / std::sqrt(2.0))));
    case Activation::gelu_tanh:
      return static_cast<float>(
          x / 2 *
          (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))));
    case Activation::quick_gelu: return static_cast<float>(x * sigmoid(1.702 * x));
    case Activation::relu: return value > 0 || std::isnan(value) ? value : 0;
    case Activation::silu: return static_cast<float>(x * sigmoid(x));
    case Activation::tanh: return static_cast<float>(std::tanh(x));
    case Activation::sigmoid: return static_cast<float>(sigmoid(x));
  }
  return value;
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
