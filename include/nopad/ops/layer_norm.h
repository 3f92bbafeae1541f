// layer_norm: normalisation of each token's vector.
#pragma once

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// gain : [D], called weight or gamma in checkpoints
// bias : [D], or empty for none
struct LayerNormWeights {
  Tensor gain = {};
  Tensor bias = {};
  float eps = 1e-5f;
};

// (x - mean) / sqrt(variance + eps) * gain + bias over the last axis; of bf16 in f32.
// x      : [..., D] f32, f64 or bf16; gain and bias are f64 where x is, else f32
// return : the shape and dtype of x
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row, and one in a row whose gradient is zero
//          reaches no gradient
// Throws : ShapeError, gain or bias is not [D]; DTypeError; OptionError, a gradient is wanted in
//          bf16
// Grad   : x, gain, bias; sums over rows do not depend on the threads
// Source : https://arxiv.org/abs/1607.06450, biased variance as torch.nn.LayerNorm
Tensor layer_norm(const Tensor& x, const LayerNormWeights& weights);
inline RaggedTensor layer_norm(const RaggedTensor& x, const LayerNormWeights& weights) {
  return x.with_values(layer_norm(x.values(), weights));
}

}  // namespace nopad::ops
