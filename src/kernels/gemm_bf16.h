// bf16 matrix products on matrix tiles, with prepacked weights and fused epilogues.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "nopad/core/bfloat16.h"

namespace nopad::kernels {

// As GemmF32Problem with bf16 operands. Sums, bias and activation are f32; one rounding to bf16 at
// the end, or none when the result is wanted in f32.
struct GemmBf16Problem {
  int64_t m = 0, n = 0, k = 0;
  const BFloat16* a = nullptr;  // [M, K], rows a_stride apart
  int64_t a_stride = 0;
  const BFloat16* packed = nullptr;  // 64-byte aligned, in the tiles' order
  BFloat16* c = nullptr;             // [M, N], rows c_stride apart, or none when c_f32 is given
  float* c_f32 = nullptr;
  int64_t c_stride = 0;
  const float* bias = nullptr;  // [N], or none
  Activation activation = Activation::none;
  const BFloat16* residual = nullptr;  // [M, N], rows residual_stride apart, or none
  int64_t residual_stride = 0;
};

struct GemmBf16 {
  int64_t panel_width;  // outputs per panel
  int64_t block_rows;
  // Elements of the packed weight, its zero padding included.
  int64_t (*packed_elements)(int64_t n, int64_t k) noexcept;
  // w : [N, K] f32, rounded to bf16
  void (*pack)(const float* w, int64_t n, int64_t k, Range panels, BFloat16* packed) noexcept;
  // As GemmF32::multiply: cutting c into blocks anywhere changes no bit.
  void (*multiply)(const GemmBf16Problem& problem, Range rows, Range panels) noexcept;
};
// `isa` must have tiles: amx runs the instructions, amx_emulated their documented arithmetic.
const GemmBf16& gemm_bf16(Isa isa) noexcept;

namespace ref {
// The specification: c from the unpacked w [N, K], rounded to bf16 before it is used.
void multiply(const GemmBf16Problem& problem, const float* w) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
