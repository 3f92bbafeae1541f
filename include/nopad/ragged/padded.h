// from_padded, to_padded: ragged tensors out of padded batches and back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad {

// An end of a sequence: Keras says "pre" and "post".
enum class Side { left, right };

// All functions of the border copy and record nothing. A tensor whose gradient is wanted is refused
// (OptionError): its gradient would get lost.

// Takes the real tokens out of a padded batch, wherever its padding is: left, right, or in holes.
// values : [B, L, ...]   any dtype; what stands in the padding is never read
// keep   : [B, L] bool   true = a real token
// return : [T, ...]      its layout remembers each token's column and the width L
// Mask   : produces the layout
// Edge   : no sequences, or nothing kept: T = 0
// Throws : ShapeError, not these shapes; DTypeError, keep is not bool
RaggedTensor from_padded(const Tensor& values, const Tensor& keep);
// As above for padding on the right.
// lengths : [B]   each 0 to L
// Throws  : ShapeError, not these shapes; LayoutError, a length below 0 or beyond L
RaggedTensor from_padded(const Tensor& values, std::span<const int64_t> lengths);

struct ToPaddedConfig {
  double fill = 0;                // what padding holds
  std::optional<Side> side = {};  // where padding goes; by default each token to its own column
  int64_t total_length = 0;       // L; 0: the width it came from, or with a side the longest length
};
// Lays a ragged tensor out as a padded batch, for those who need one.
// tensor : [T, ...]      any dtype
// return : [B, L, ...]   without a side the inverse of from_padded: its mask is layout().keep()
// Mask   : ends the layout
// Throws : OptionError, a fill that an integer or bool dtype does not hold exactly, or a
//          total_length that is too small
Tensor to_padded(const RaggedTensor& tensor, ToPaddedConfig config = {});

}  // namespace nopad
