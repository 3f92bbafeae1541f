// conv1d: a convolution over the tokens of each sequence.
#pragma once

#include <cstdint>

#include "nopad/ops/windows.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

struct Conv1dConfig {
  int64_t stride = 1;
  WindowPadding padding = WindowPadding::valid();
  int64_t dilation = 1;
  int64_t groups = 1;  // each reads C / groups channels and writes O / groups
};

// y[t, o] = bias[o] + sum over taps i and channels c of weight[o, c, i] x[stride t + dilation i, c],
// each sequence by itself, with zeros beyond its ends.
// x      : [T, C] f32 or f64
// weight : [O, C / groups, K], same dtype, as PyTorch stores it; Keras' kernel is [K, C / groups, O]
// bias   : [O], or empty for none
// return : [T', O] over a new layout, whose lengths follow by arithmetic (see windows.h)
// Mask   : consumes the layout, makes a new one
// Edge   : an empty sequence stays empty; one that is shorter than the kernel becomes empty unless
//          it is padded. A row of zero gradient has no part in the weight's gradient, so that a NaN
//          in a token that a loss dropped does not reach it
// Throws : ShapeError; DTypeError; OptionError, stride, dilation or groups below 1
// Grad   : x, weight, bias
// Cost   : T' x O x C / groups x K; scratch grows with K x C, not with T
RaggedTensor conv1d(const RaggedTensor& x, const Tensor& weight, const Tensor& bias,
                    const Conv1dConfig& config = {});

}  // namespace nopad::ops
