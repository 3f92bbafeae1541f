#include "kernels/gate.h"

#include "kernels/gemm.h"

namespace nopad::kernels::ref {

void gate(Activation activation, const float* x, float* y, int64_t width,
          int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += 2 * width, y += width) {
    for (int64_t i = 0; i < width; ++i) y[i] = activate(activation, x[i]) * x[width + i];
  }
}

}  // namespace nopad::kernels::ref
