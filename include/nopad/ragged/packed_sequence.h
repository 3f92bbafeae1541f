// PackedSequence: PyTorch's ragged batch, step by step and longest first, to and from ours.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad {

// What torch.nn.utils.rnn calls by this name. Sequences are sorted by falling length, equal ones in
// their own order; then come all first tokens, all second ones, and so on.
// A sequence of length 0 has no data: it is counted by the indices and by no batch size. (PyTorch
// refuses to pack one.)
struct PackedSequence {
  Tensor data = {};                            // [T, ...]
  std::vector<int64_t> batch_sizes = {};       // [L]   the sequences that reach each step, never 0
  std::vector<int64_t> sorted_indices = {};    // [B]   which sequence stands at each sorted place
  std::vector<int64_t> unsorted_indices = {};  // [B]   the sorted place of each sequence
};

// tensor : [T, ...]   any dtype; the columns of its layout do not go along
// Mask   : ends the layout; the packed sequence says the same but for the columns
PackedSequence to_packed(const RaggedTensor& tensor);
// return : [T, ...]   the sequences in their own order
// Mask   : produces the layout
// Throws : LayoutError, batch sizes that rise, are below 1 or do not sum up to T, or indices that
//          are not a permutation and its inverse; ShapeError, data is a scalar
RaggedTensor from_packed(const PackedSequence& packed);

// The defaults are those of PyTorch, time first.
struct PackPaddedConfig {
  bool batch_first = false;    // [B, L, ...]; by default [L, B, ...]
  bool enforce_sorted = true;  // refuse lengths that rise; false: sort them
};
// input   : [L, B, ...] or [B, L, ...]   padded on the right
// lengths : [B]   each 0 to L (PyTorch refuses 0 and takes more than L)
// Throws  : ShapeError, not these shapes; LayoutError, a length below 0 or beyond L, or under
//           enforce_sorted the first that is longer than the one before
PackedSequence pack_padded_sequence(const Tensor& input, std::span<const int64_t> lengths,
                                    PackPaddedConfig config = {});

struct PackConfig {
  bool enforce_sorted = true;  // as above
};
// sequences : [length, ...] each, of one dtype
// Throws    : as from_sequences and, for the order, as pack_padded_sequence
PackedSequence pack_sequence(const std::vector<Tensor>& sequences, PackConfig config = {});

struct PadPackedConfig {
  bool batch_first = false;  // [B, L, ...]; by default [L, B, ...]
  double padding_value = 0;
  int64_t total_length = 0;  // L; 0: the longest length
};
struct PadPackedResult {
  Tensor values = {};                 // [L, B, ...] or [B, L, ...]   in their own order
  std::vector<int64_t> lengths = {};  // [B]
};
// Throws : as from_packed; OptionError, a total_length below the longest length, or a padding value
//          that an integer or bool dtype does not hold exactly
PadPackedResult pad_packed_sequence(const PackedSequence& packed, PadPackedConfig config = {});

// return : [length, ...] each, in their own order
// Throws : as from_packed
std::vector<Tensor> unpack_sequence(const PackedSequence& packed);

}  // namespace nopad
