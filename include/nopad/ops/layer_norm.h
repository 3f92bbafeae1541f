// layer_norm: normalisation of each token's vector.
#pragma once

#include "nopad/core/tensor.h"

namespace nopad::ops {

// gain : [D] f32, called weight or gamma in checkpoints
// bias : [D] f32, or empty for none
struct LayerNormWeights {
  Tensor gain = {};
  Tensor bias = {};
  float eps = 1e-5f;
};

// (x - mean) / sqrt(variance + eps) * gain + bias over the last axis, in f32.
// x      : [..., D] f32 or bf16
// return : the shape and dtype of x
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row
// Throws : ShapeError, gain or bias is not [D]; DTypeError
// Source : https://arxiv.org/abs/1607.06450, biased variance as torch.nn.LayerNorm
Tensor layer_norm(const Tensor& x, const LayerNormWeights& weights);

}  // namespace nopad::ops
