// Normalisation of rows: what layer_norm and rms_norm share, and the epilogue of linear.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/layer_norm.h"
#include "nopad/core/isa.h"
#include "nopad/ops/layer_norm.h"

namespace nopad::ops {

// The weights of a norm, which it does not own.
struct RowNorm {
  std::string_view op;  // a literal, which messages begin with
  const Tensor& gain;   // [D]
  const Tensor& bias;   // [D], or empty for none
  float eps;
  kernels::Centre centre;
};
RowNorm row_norm_of(const LayerNormWeights& weights);

// Throws ShapeError, gain or bias is not [width]; DTypeError, they do not go with rows of `rows`.
void expect_norm_weights(const RowNorm& norm, int64_t width, DType rows);

// Normalises rows [begin, end) of x, [rows, D], into y, which may be x. T is float, double or
// BFloat16.
template <class T>
void normalise_rows(Isa isa, const T* x, T* y, const RowNorm& norm, int64_t begin, int64_t end);

// The whole op: checked, over the threads and recorded.
// x : [..., D] f32, f64 or bf16
Tensor normalise_rows(const Tensor& x, const RowNorm& norm);

}  // namespace nopad::ops
