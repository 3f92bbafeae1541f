// ctc: the loss of a label sequence that is shorter than the frames that it is read from.
#pragma once

#include <cstdint>

#include "nopad/ops/loss.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

struct CtcConfig {
  int64_t blank = 0;  // the class that stands for "no label here"
};

// The negative log-likelihood of each label sequence, summed over all ways of placing it on its
// sequence's frames. Lengths come from the two layouts: no padded frame is ever scored.
// logits  : [T, C] f32 or f64, before any softmax
// targets : [S] i32 or i64, 0 to C - 1 without the blank; over a layout of as many sequences
// return  : count and weight are the number of sequences whose labels fit their frames: B - count do
//           not fit, take no part and get no gradient (PyTorch: inf, or zero_infinity)
// Mask    : consumes both layouts, and ends them
// Edge    : no labels is a target like any other: all frames are blank; no frames and no labels: 0;
//           a NaN stays in its sequence
// Throws  : LayoutError, another number of sequences; InputError, a label beyond the classes, or the
//           blank; ShapeError; DTypeError; OptionError, a blank beyond the classes
// Grad    : logits
// Cost    : frames x labels of each sequence, in f64; scratch for the same in the backward pass
// Source  : Graves et al. 2006; torch.nn.functional.ctc_loss (whose "mean" divides by each target's
//           length first), keras.losses.CTC
LossSum ctc(const RaggedTensor& logits, const RaggedTensor& targets, CtcConfig config = {});
// The terms of that sum, 0 where the labels do not fit.
// return : [B]
Tensor ctc_per_sequence(const RaggedTensor& logits, const RaggedTensor& targets,
                        CtcConfig config = {});

}  // namespace nopad::ops
