#include "kernels/layer_norm.h"

#include <cmath>

namespace nopad::kernels::ref {

void layer_norm(const LayerNormProblem<float>& p, int64_t begin, int64_t end) noexcept {
  for (int64_t row = begin; row < end; ++row) {
    const float* const x = p.x + row * p.x_stride;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < p.width; ++i) mean += x[i];
    mean /= static_cast<double>(p.width);
    for (int64_t i = 0; i < p.width; ++i) variance += (x[i] - mean) * (x[i] - mean);
    variance /= static_cast<double>(p.width);
    for (int64_t i = 0; i < p.width; ++i) {
      const double y = (x[i] - mean) / std::sqrt(variance + p.eps) * p.gain[i];
      p.y[row * p.y_stride + i] = static_cast<float>(y + (p.bias == nullptr ? 0.0f : p.bias[i]));
    }
  }
}

}  // namespace nopad::kernels::ref
