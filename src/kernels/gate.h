// Gated activations: one half of a row, activated, times the other half.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// y[i] = activation(x[i]) * x[width + i] over each row of 2 `width` elements; rows lie one after
// another. The activations are those of a product's epilogue (gemm.h), bit for bit; a result
// depends on nothing but its two elements. T is float or BFloat16 (the arithmetic is f32).
template <class T>
using GateRows = void (*)(Activation activation, const T* x, T* y, int64_t width,
                          int64_t num_rows) noexcept;
template <class T>
GateRows<T> gate_rows(Isa isa) noexcept;

namespace ref {
// The specification.
void gate(Activation activation, const float* x, float* y, int64_t width,
          int64_t num_rows) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
