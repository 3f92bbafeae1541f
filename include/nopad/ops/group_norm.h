// group_norm: normalisation over the tokens of each sequence and groups of channels.
#pragma once

#include <cstdint>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// gain : [C], called weight or gamma in checkpoints, or empty for none
// bias : [C], or empty for none
struct GroupNormWeights {
  Tensor gain = {};
  Tensor bias = {};
  int64_t num_groups = 1;  // of C / num_groups neighbouring channels each; C: instance norm
  float eps = 1e-5f;
};

// (x - mean) / sqrt(variance + eps) * gain + bias, with the mean and the biased variance of each
// sequence's tokens and each group's channels.
// x      : [T, C] f32 or f64
// return : the shape and dtype of x
// Mask   : consumes the layout and passes it on: padding has no part in the statistics
// Edge   : an empty sequence gives nothing; one token of one channel per group gives the bias; a NaN
//          stays in its sequence, and one in a sequence without gradient reaches no gradient
// Throws : ShapeError; DTypeError; OptionError, num_groups does not divide C
// Grad   : x, gain, bias
// Source : https://arxiv.org/abs/1803.08494, torch.nn.GroupNorm on each sequence alone
RaggedTensor group_norm(const RaggedTensor& x, const GroupNormWeights& weights);

}  // namespace nopad::ops
