// batch_norm: normalisation of each channel over all tokens of a batch, or by running statistics.
#pragma once

#include <cstdint>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// gain : [C], called weight or gamma in checkpoints, or empty for none
// bias : [C], or empty for none
struct BatchNormWeights {
  Tensor gain = {};
  Tensor bias = {};
  float eps = 1e-5f;  // PyTorch's; Keras' is 1e-3
};

// Of the tokens that took part, without gradient.
struct BatchStatistics {
  Tensor mean;        // [C] the dtype of x
  Tensor variance;    // [C] biased
  int64_t count = 0;  // of tokens; where there were none, mean and variance are zeros
};
struct BatchNormResult {
  Tensor y;
  BatchStatistics statistics;
};
struct RaggedBatchNormResult {
  RaggedTensor y;
  BatchStatistics statistics;
};

// (x - mean) / sqrt(variance + eps) * gain + bias, with the mean and the biased variance of each
// channel over the batch. By definition a token's result depends on the others of its batch; it
// depends on neither padding nor threads.
// x      : [T, C] f32 or f64
// keep   : the tokens that make the statistics, by default all; all are normalised
// Mask   : consumes keep, passes the layout on: padding has no part in the statistics
// Edge   : nothing kept: every row is the bias, and the gradients of x and the gain are zeros; a NaN
//          in a token that is not kept stays in its row of y, and reaches no gradient unless its
//          row has one
// Throws : ShapeError; DTypeError; LayoutError, keep is over another layout
// Grad   : x, also through the statistics; gain, bias
// Source : https://arxiv.org/abs/1502.03167; Keras' masked moments
RaggedBatchNormResult batch_norm_training(const RaggedTensor& x, const BatchNormWeights& weights,
                                          const TokenMask* keep = nullptr);
// The same over the rows of a plain tensor, e.g. one per sequence.
BatchNormResult batch_norm_training(const Tensor& x, const BatchNormWeights& weights);

// The same with statistics that are known, as models run after training.
// x        : [T, C] f32 or f64
// mean     : [C] the dtype of x
// variance : [C]
// Mask     : passes through (position-wise)
// Edge     : no rows give no rows; a NaN stays in its row
// Throws   : ShapeError; DTypeError; OptionError, mean or variance needs a gradient
// Grad     : x, gain, bias
Tensor batch_norm(const Tensor& x, const BatchNormWeights& weights, const Tensor& mean,
                  const Tensor& variance);
inline RaggedTensor batch_norm(const RaggedTensor& x, const BatchNormWeights& weights,
                               const Tensor& mean, const Tensor& variance) {
  return x.with_values(batch_norm(x.values(), weights, mean, variance));
}

// What training leaves for later: [C] each.
struct RunningStatistics {
  Tensor mean;
  Tensor variance;
};
// `unbiased` : n / (n - 1) times the batch's, as PyTorch keeps it; of one token, 0
// `biased`   : the batch's own, as Keras keeps it
enum class RunningVariance { unbiased, biased };
struct RunningUpdate {
  double rate = 0.1;  // the batch's share: PyTorch's momentum, 1 - momentum of Keras
  RunningVariance variance = RunningVariance::unbiased;
};
// running (1 - rate) + batch rate, in new tensors.
// Edge   : a batch in which nothing was kept leaves the statistics as they are
// Throws : ShapeError, DTypeError: they are not like the batch's; OptionError, a rate outside [0, 1]
RunningStatistics update_running(const RunningStatistics& running, const BatchStatistics& batch,
                                 RunningUpdate update = {});

}  // namespace nopad::ops
