// rms_norm: division of each token's vector by its root mean square.
#pragma once

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// gain : [D], called weight or scale in checkpoints
struct RmsNormWeights {
  Tensor gain = {};
  float eps = 1e-6f;
};

// x / sqrt(mean(x²) + eps) * gain over the last axis; of bf16 in f32.
// x      : [..., D] f32, f64 or bf16; the gain is f64 where x is, else f32
// return : the shape and dtype of x
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row, and one in a row whose gradient is zero
//          reaches no gradient
// Throws : ShapeError, the gain is not [D]; DTypeError; OptionError, a gradient is wanted in bf16
// Grad   : x, gain
// Source : https://arxiv.org/abs/1910.07467, eps inside the root as torch.nn.RMSNorm
Tensor rms_norm(const Tensor& x, const RmsNormWeights& weights);
inline RaggedTensor rms_norm(const RaggedTensor& x, const RmsNormWeights& weights) {
  return x.with_values(rms_norm(x.values(), weights));
}

}  // namespace nopad::ops
