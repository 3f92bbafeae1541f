// Lists of sequences to batches and back: ragged, or padded as Keras and PyTorch do it.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/padded.h"
#include "nopad/ragged/tensor.h"

namespace nopad {

// Where a function below takes a Sequence, it takes a std::vector of numbers or a Tensor
// [length, ...]. Tensors agree in dtype and in all but their first axis. A list in braces is one of
// int64_t: from_sequences({{83, 91, 1}, {73, 8}}).

// The sequences end to end: the batch as nopad wants it.
// return : [T, ...]   in their dtype
// Mask   : produces the layout
// Edge   : no sequences: [0]; empty ones are fine
// Throws : ShapeError, a scalar, or other trailing dimensions; DTypeError, different dtypes
template <class Sequence = std::vector<int64_t>>
RaggedTensor from_sequences(const std::vector<Sequence>& sequences);

// The defaults are those of Keras.
struct PadSequencesConfig {
  std::optional<int64_t> max_length = {};  // longer sequences are cut; by default none is
  Side padding = Side::left;               // where padding goes
  Side truncating = Side::left;            // which end is cut off
  double value = 0;                        // what padding holds
  // i32 for vectors of integers, f32 for vectors of floats (Keras: always int32, which makes 1.7 a
  // 1), and a Tensor's own.
  std::optional<DType> dtype = {};
};
// Sequences as one padded batch, as keras.utils.pad_sequences gives it:
// pad_sequences({{83, 91, 1}, {73, 8}}) is [[83, 91, 1], [0, 73, 8]].
// return : [B, L, ...]   L is max_length where given, else the longest sequence's length
// Edge   : no sequences: [0, L]; an empty sequence: a row of `value`
// Throws : as from_sequences; OptionError, max_length below 1, or a value that an integer or bool
//          dtype does not hold exactly; InputError, such an element (Keras would cut 1.7 to 1)
// Source : keras.utils.pad_sequences 3.15
template <class Sequence = std::vector<int64_t>>
Tensor pad_sequences(const std::vector<Sequence>& sequences, const PadSequencesConfig& config = {});

// As pad_sequences, and which cells hold tokens: from a batch of ids alone nobody can tell, where 0
// is an id as well.
struct PaddedSequences {
  Tensor values = {};  // [B, L, ...]
  Tensor keep = {};    // [B, L] bool   true = a real token
};
template <class Sequence = std::vector<int64_t>>
PaddedSequences pad_sequences_with_keep(const std::vector<Sequence>& sequences,
                                        const PadSequencesConfig& config = {});

// The defaults are those of PyTorch, time first.
struct PadSequenceConfig {
  bool batch_first = false;  // [B, L, ...]; by default [L, B, ...]
  double padding_value = 0;
  Side padding_side = Side::right;
};
// Sequences as one padded batch, as torch.nn.utils.rnn.pad_sequence gives it.
// sequences : [length, ...] each, of one dtype
// return    : [L, B, ...] or [B, L, ...]   L the longest sequence's length
// Edge      : no sequences: [0, 0] (PyTorch throws); an empty sequence: padding alone
// Throws    : as from_sequences; OptionError, a padding value that the dtype does not hold exactly
//             (PyTorch would cut it, as it would cut floats to the first sequence's integers)
Tensor pad_sequence(const std::vector<Tensor>& sequences, const PadSequenceConfig& config = {});

struct UnpadSequenceConfig {
  bool batch_first = false;  // as above
};
// The inverse of pad_sequence for padding on the right. Copies: the caller's tensor stays as it is.
// padded  : [L, B, ...] or [B, L, ...]
// lengths : [B]   each 0 to L
// return  : [length, ...] each
// Throws  : ShapeError, not these shapes; LayoutError, a length below 0 or beyond L
std::vector<Tensor> unpad_sequence(const Tensor& padded, std::span<const int64_t> lengths,
                                   UnpadSequenceConfig config = {});

namespace detail {

inline Tensor tensor_of(const Tensor& sequence) { return sequence; }
template <class T>
Tensor tensor_of(const std::vector<T>& sequence) {
  return Tensor::from_values(std::span<const T>(sequence), {std::ssize(sequence)});
}
template <class Sequence>
std::vector<Tensor> tensors_of(const std::vector<Sequence>& sequences) {
  std::vector<Tensor> out;
  for (const Sequence& sequence : sequences) out.push_back(tensor_of(sequence));
  return out;
}
// What pad_sequences gives where the caller chose no dtype; none: the tensors' own.
template <class Sequence>
std::optional<DType> default_dtype() {
  if constexpr (std::same_as<Sequence, Tensor>)
    return {};
  else
    return std::is_floating_point_v<typename Sequence::value_type> ? DType::f32 : DType::i32;
}

RaggedTensor from_tensors(std::span<const Tensor> sequences, std::string_view op);
PaddedSequences pad_tensors(std::vector<Tensor> sequences, PadSequencesConfig config);

}  // namespace detail

template <class Sequence>
RaggedTensor from_sequences(const std::vector<Sequence>& sequences) {
  if constexpr (!std::same_as<Sequence, Tensor>) {
    using T = typename Sequence::value_type;
    if (sequences.empty()) return {Tensor::empty({0}, dtype_of<T>), {}};
  }
  return detail::from_tensors(detail::tensors_of(sequences), "from_sequences");
}

template <class Sequence>
PaddedSequences pad_sequences_with_keep(const std::vector<Sequence>& sequences,
                                        const PadSequencesConfig& config) {
  PadSequencesConfig chosen = config;
  if (!chosen.dtype) chosen.dtype = detail::default_dtype<Sequence>();
  return detail::pad_tensors(detail::tensors_of(sequences), chosen);
}

template <class Sequence>
Tensor pad_sequences(const std::vector<Sequence>& sequences, const PadSequencesConfig& config) {
  return pad_sequences_with_keep(sequences, config).values;
}

}  // namespace nopad
