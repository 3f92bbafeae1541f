// gated: the activated half of a projection times its other half (GLU, GeGLU, SwiGLU).
#pragma once

#include "nopad/core/activation.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// activation(x[..., :F]) * x[..., F:]
// x      : [..., 2 F] f32, f64 or bf16
// return : [..., F]   bf16 is computed in f32 and rounded once
// Mask   : passes through (position-wise)
// Edge   : an element depends on its own pair only; F may be 0
// Throws : ShapeError, no axis or an odd last one; DTypeError; OptionError, a gradient in bf16
// Grad   : x
// Source : https://arxiv.org/abs/2002.05202
Tensor gated(const Tensor& x, Activation activation);
RaggedTensor gated(const RaggedTensor& x, Activation activation);

}  // namespace nopad::ops
