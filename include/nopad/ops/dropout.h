// dropout: zeros at random, the same ones whether a batch is packed or padded.
#pragma once

#include <cstdint>

#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// Training draws anew at each step, so `step` counts up; each layer has a seed of its own.
struct DropoutConfig {
  double rate = 0.5;  // the chance of an element to become 0; from 0 to 1
  uint64_t seed = 0;
  uint64_t step = 0;
};

// Elements become 0 with chance `rate`, and the rest grows by 1 / (1 - rate).
// An element's draw depends on (seed, step, its sequence's index in the batch, its token's index in
// the sequence, its place among the token's features) and on nothing else: not on lengths, padding,
// dtype or threads.
// x      : [T, ...] f32 or f64
// Mask   : passes through
// Edge   : rate 1 gives zeros; a dropped NaN is gone, in the gradient as well
// Throws : OptionError, a rate outside [0, 1]; DTypeError; LimitError, an index beyond 32 bits
// Grad   : x; the draws are made again, so nothing is kept for it
// Source : Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
RaggedTensor dropout(const RaggedTensor& x, const DropoutConfig& config);
// As above for one row per sequence: each is drawn as a sequence of one token.
// x : [B, ...]
Tensor dropout(const Tensor& x, const DropoutConfig& config);
// As above for a padded batch, for those who need one: the tokens get the draws that they get when
// packed. What stands in the padding becomes 0.
// x      : [B, L, ...], L the layout's padded width
// Throws : ShapeError, not the layout's [B, L, ...]
Tensor dropout(const Tensor& x, const RaggedLayout& layout, const DropoutConfig& config);

}  // namespace nopad::ops
