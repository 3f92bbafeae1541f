// Rotary positions: pairs of elements of a row's heads, turned by angles.
#pragma once

#include <cstdint>

#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// y = x with the pairs (i, i + num_pairs) of each head turned by the angle of pair i, and the rest
// of the head as it is; y may be x. T is float, BFloat16 (the arithmetic is f32) or double.
template <class T>
struct RotaryRow {
  const T* x = nullptr;  // [num_heads, head_size]
  T* y = nullptr;
  const float* cos = nullptr;  // [num_pairs]
  const float* sin = nullptr;
  int64_t num_heads = 0, head_size = 0, num_pairs = 0;
  float direction = 1;  // -1 turns back
};

template <class T>
using RotateRow = void (*)(const RotaryRow<T>& row) noexcept;
// For double: the reference, whatever the instruction set.
template <class T>
RotateRow<T> rotate_row(Isa isa) noexcept;

namespace ref {
// The specification, in double, for float and double.
template <class T>
void rotate(const RotaryRow<T>& row) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
