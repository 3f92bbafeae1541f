// Matrix products with packed weights: c = activation(a wᵀ + bias) + residual.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// The product of M rows of activations with a weight of N outputs and K inputs.
// The weight is packed once into panels of `panel_width` outputs, [ceil(N / width), K, width], so
// that the inner loop reads it in order; outputs beyond N are zeros there, and never stored.
struct GemmF32Problem {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;  // [M, K], rows a_stride apart
  int64_t a_stride = 0;
  bool a_is_transposed = false;   // a is [K, M] instead, its rows a_stride apart
  const float* packed = nullptr;  // 64-byte aligned
  float* c = nullptr;             // [M, N], rows c_stride apart; shares no byte with a or residual
  int64_t c_stride = 0;
  const float* bias = nullptr;  // [N], or none
  Activation activation = Activation::none;
  const float* residual = nullptr;  // [M, N], rows residual_stride apart, or none
  int64_t residual_stride = 0;
};

struct Range {
  int64_t begin = 0, end = 0;
};

// One instruction set's version.
struct GemmF32 {
  int64_t panel_width;
  // Rows that one call should be given, or a divisor: what stays in the caches together.
  int64_t block_rows;
  // w : [N, K]   packed : [ceil(N / panel_width) * panel_width * K]
  void (*pack)(const float* w, int64_t n, int64_t k, Range panels, float* packed) noexcept;
  // The same from the transpose, wᵀ : [K, N].
  void (*pack_transposed)(const float* w, int64_t n, int64_t k, Range panels,
                          float* packed) noexcept;
  // The block of c that `rows` and `panels` span. An output is one chain of multiply-adds in the
  // order of k, whatever the block, so blocks can be cut anywhere without changing a bit.
  void (*multiply)(const GemmF32Problem& problem, Range rows, Range panels) noexcept;
};
const GemmF32& gemm_f32(Isa isa) noexcept;

namespace ref {
// The specification: c from the unpacked w [N, K].
void multiply(const GemmF32Problem& problem, const float* w) noexcept;
float activate(Activation activation, float x) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
