// Losses over real tokens, as a sum and what it was summed over.
#pragma once

#include <cstdint>

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// A loss before it is divided: two micro-batches, or two replicas, add up to what one batch of both
// gives. Divide once, at the end.
struct LossSum {
  Tensor sum = Tensor::zeros({});  // []   recorded
  int64_t count = 0;  // what took part: tokens, elements or sequences, as the loss says
  double weight = 0;  // what mean() divides by: count, unless classes have weights

  // [], sum / weight. Nothing took part: 0, with zero gradients.
  Tensor mean() const;
};
// Throws DTypeError: sums of different dtypes.
LossSum operator+(const LossSum& a, const LossSum& b);

struct CrossEntropyConfig {
  int64_t ignore_index = -100;  // a target that takes no part
  double label_smoothing = 0;   // the part of each target that is spread over all classes
  Tensor class_weights = {};    // [C] in the dtype of the logits, or empty: 1 for each
};
// The negative log-likelihood of each token's target class.
// logits  : [..., C] f32 or f64, before any softmax
// targets : [...] i32 or i64, 0 to C - 1 or ignore_index; of a token that is not kept, anything
// keep    : which tokens take part; null: all whose target is not ignore_index
// return  : count is the number of tokens that took part, weight the sum of their targets' class
//           weights, as PyTorch divides
// Mask    : consumes the layout and keep, and ends them
// Edge    : nothing takes part: sum 0 and count 0; a NaN at a token that takes no part reaches
//           neither the loss nor the gradient
// Throws  : InputError, a target beyond the classes; LayoutError, targets or keep over another
//           layout; ShapeError; DTypeError; OptionError, label_smoothing not from 0 to 1
// Grad    : logits
// Source  : torch.nn.functional.cross_entropy
LossSum cross_entropy(const Tensor& logits, const Tensor& targets,
                      const CrossEntropyConfig& config = {});
LossSum cross_entropy(const RaggedTensor& logits, const RaggedTensor& targets,
                      const CrossEntropyConfig& config = {}, const TokenMask* keep = nullptr);
// The terms of that sum, exactly 0 for tokens that take no part.
// return : [...]
Tensor cross_entropy_per_token(const Tensor& logits, const Tensor& targets,
                               const CrossEntropyConfig& config = {});
RaggedTensor cross_entropy_per_token(const RaggedTensor& logits, const RaggedTensor& targets,
                                     const CrossEntropyConfig& config = {},
                                     const TokenMask* keep = nullptr);

// The losses below compare element by element; count is the number of elements of the tokens that
// take part. Over tokens of equal width that divides as Keras does, which averages a token's
// elements first.
// predictions : [...] or [T, ...], f32 or f64
// targets     : the same shape and dtype, over the same layout
// keep        : which tokens take part; null: all
// Mask        : consumes the layout and keep, and ends them; the per_element forms keep the layout
// Edge        : as cross_entropy
// Throws      : LayoutError; ShapeError; DTypeError; OptionError, a gradient of targets is wanted
//               where there is none
// Grad        : predictions; for mean_squared_error the targets, too

// Of a 0 or 1 (or a probability) under sigmoid(logits), without its loss of precision.
// Source : torch.nn.functional.binary_cross_entropy_with_logits
LossSum binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets);
LossSum binary_cross_entropy_with_logits(const RaggedTensor& logits, const RaggedTensor& targets,
                                         const TokenMask* keep = nullptr);
RaggedTensor binary_cross_entropy_with_logits_per_element(const RaggedTensor& logits,
                                                          const RaggedTensor& targets,
                                                          const TokenMask* keep = nullptr);

// Of a 0 or 1 under a probability, which is first clipped to [1e-7, 1 - 1e-7].
// Source : keras.losses.binary_crossentropy; a clipped probability has no gradient
LossSum binary_cross_entropy(const Tensor& probabilities, const Tensor& targets);
LossSum binary_cross_entropy(const RaggedTensor& probabilities, const RaggedTensor& targets,
                             const TokenMask* keep = nullptr);
RaggedTensor binary_cross_entropy_per_element(const RaggedTensor& probabilities,
                                              const RaggedTensor& targets,
                                              const TokenMask* keep = nullptr);

// (predictions - targets)². mean() of it is the mean squared error.
LossSum mean_squared_error(const Tensor& predictions, const Tensor& targets);
LossSum mean_squared_error(const RaggedTensor& predictions, const RaggedTensor& targets,
                           const TokenMask* keep = nullptr);
RaggedTensor squared_error_per_element(const RaggedTensor& predictions, const RaggedTensor& targets,
                                       const TokenMask* keep = nullptr);

}  // namespace nopad::ops
