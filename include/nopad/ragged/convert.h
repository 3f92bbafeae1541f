// The border to the padded world: the only place in nopad that knows padding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad {

// An end of a sequence: Keras says "pre" and "post".
enum class Side { left, right };

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

// The defaults are those of Keras.
struct PadSequencesConfig {
  std::optional<int64_t> max_length = {};  // longer sequences are cut; by default none is
  Side padding = Side::left;               // where padding goes
  Side truncating = Side::left;            // which end is cut off
  int64_t value = 0;                       // what padding holds
  DType dtype = DType::i32;                // i32 or i64
};
// Token ids as one padded batch, as keras.utils.pad_sequences gives it:
// pad_sequences({{83, 91, 1}, {73, 8}}) is [[83, 91, 1], [0, 73, 8]].
// return : [B, L]   L is max_length where given, else the longest sequence's length
// Edge   : no sequences: [0, L]; an empty sequence: a row of `value`
// Throws : OptionError, max_length below 1 or a value beyond the dtype; DTypeError, another dtype;
//          InputError, an id beyond the dtype
Tensor pad_sequences(const std::vector<std::vector<int64_t>>& sequences,
                     PadSequencesConfig config = {});

// The masks of other frameworks as `keep` [B, L] bool, true = a real token. One function for each
// polarity; none guesses.

// attention_mask of transformers: 1 = keep.
// attention_mask : [B, L] any dtype, each 0 or 1
// Throws         : ShapeError, another rank; InputError, another value (transformers would take
//                  0.75 for 1)
Tensor keep_from_hf_attention_mask(const Tensor& attention_mask);
// key_padding_mask of PyTorch: true = ignore.
// key_padding_mask : [B, L] bool
// Throws           : ShapeError, another rank; DTypeError, not bool (PyTorch adds floats to scores)
Tensor keep_from_torch_key_padding_mask(const Tensor& key_padding_mask);
// The mask of Keras layers (Masking, Embedding with mask_zero): true = keep.
// mask   : [B, L] bool
// Throws : ShapeError, another rank; DTypeError, not bool
Tensor keep_from_keras_mask(const Tensor& mask);

}  // namespace nopad
