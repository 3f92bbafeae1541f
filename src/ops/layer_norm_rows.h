// The rows of a layer norm, for ops that end with one.
#pragma once

#include <cstdint>

#include "nopad/core/isa.h"
#include "nopad/ops/layer_norm.h"

namespace nopad::ops {

// Throws ShapeError: gain or bias is not [width].
void expect_layer_norm_weights(const LayerNormWeights& weights, int64_t width);

// Normalises rows [begin, end) of x, [rows, width], into y, which may be x. T is float or BFloat16.
template <class T>
void layer_norm_rows(Isa isa, const T* x, T* y, const LayerNormWeights& weights, int64_t begin,
                     int64_t end);

}  // namespace nopad::ops
