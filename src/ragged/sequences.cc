#include "nopad/ragged/sequences.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "nopad/core/error.h"
#include "ragged/padded_rows.h"

namespace nopad {
namespace {

void expect_alike(std::span<const Tensor> sequences, std::string_view op) {
  for (size_t b = 0; b < sequences.size(); ++b) {
    const Tensor& sequence = sequences[b];
    if (sequence.rank() == 0) {
      fail<ShapeError>(op, ": sequence ", b, ": expected [length, ...], got a scalar");
    }
    const Tensor& first = sequences.front();
    if (sequence.dtype() != first.dtype()) {
      fail<DTypeError>(op, ": sequence ", b, ": expected ", first.dtype(),
                       " as sequence 0 has, got ", sequence.dtype());
    }
    if (!std::ranges::equal(sequence.shape().dims().subspan(1), first.shape().dims().subspan(1))) {
      fail<ShapeError>(op, ": sequence ", b, ": expected the dimensions of sequence 0's ",
                       first.shape(), " after the first, got ", sequence.shape());
    }
    expect_plain(sequence, concat(op, ": sequence ", b));
  }
}

// Throws InputError, an element that `dtype` does not hold exactly.
// sequence, first : where the rows come from, for the message
void expect_held(const Tensor& rows, DType dtype, size_t sequence, int64_t first) {
  const bool floats =
      rows.dtype() == DType::f32 || rows.dtype() == DType::f64 || rows.dtype() == DType::bf16;
  const auto check = [&](const auto& values) {
    dispatch(dtype, [&](auto element) {
      for (size_t i = 0; i < values.size(); ++i) {
        if (holds<decltype(element)>(values[i])) continue;
        fail<InputError>("pad_sequences: sequence ", sequence, ": expected values of ", dtype,
                         ", got ", values[i], " at index ", first + static_cast<int64_t>(i));
      }
    });
  };
  if (floats) {
    const Tensor numbers = rows.to(DType::f64);
    check(numbers.values<double>());
  } else {
    const Tensor numbers = rows.to(DType::i64);
    check(numbers.values<int64_t>());
  }
}

// What pad_sequences keeps of one sequence: cut to the width, in the dtype asked for.
Tensor cut(const Tensor& sequence, size_t b, int64_t width, DType dtype, Side truncating) {
  const int64_t length = sequence.dim(0);
  const int64_t count = std::min(length, width);
  const int64_t begin = truncating == Side::left ? length - count : 0;
  Tensor rows = sequence.rows(begin, begin + count);
  if (rows.dtype() == dtype) return rows;
  const int64_t row_elements = count == 0 ? 0 : rows.num_elements() / count;
  expect_held(rows, dtype, b, begin * row_elements);
  return rows.to(dtype);
}

int64_t width_of(std::span<const Tensor> sequences, std::optional<int64_t> max_length) {
  if (max_length && *max_length < 1) {
    fail<OptionError>("pad_sequences: max_length: expected 1 or more, got ", *max_length);
  }
  if (max_length) return *max_length;
  int64_t longest = 0;
  for (const Tensor& sequence : sequences) longest = std::max(longest, sequence.dim(0));
  return longest;
}

}  // namespace

namespace detail {

RaggedTensor from_tensors(std::span<const Tensor> sequences, std::string_view op) {
  if (sequences.empty()) return {};
  expect_alike(sequences, op);
  std::vector<int64_t> lengths;
  for (const Tensor& sequence : sequences) lengths.push_back(sequence.dim(0));
  const auto layout = RaggedLayout::from_lengths(lengths);
  const Tensor& first = sequences.front();
  Tensor out = Tensor::empty(with_leading({layout.num_tokens()}, first.shape(), 1), first.dtype());
  if (out.num_bytes() == 0) return {out, layout};
  std::byte* to = out.mutable_bytes();
  for (const Tensor& sequence : sequences) {
    if (sequence.num_bytes() == 0) continue;
    std::memcpy(to, sequence.bytes(), sequence.num_bytes());
    to += sequence.num_bytes();
  }
  return {out, layout};
}

PaddedSequences pad_tensors(std::vector<Tensor> sequences, PadSequencesConfig config) {
  expect_alike(sequences, "pad_sequences");
  const int64_t width = width_of(sequences, config.max_length);
  const DType own = sequences.empty() ? DType::f32 : sequences.front().dtype();
  const DType dtype = config.dtype.value_or(own);
  filled({0}, dtype, config.value, "pad_sequences: value");
  if (sequences.empty()) {
    return {Tensor::empty({0, width}, dtype), Tensor::empty({0, width}, DType::boolean)};
  }
  for (size_t b = 0; b < sequences.size(); ++b) {
    sequences[b] = cut(sequences[b], b, width, dtype, config.truncating);
  }
  const RaggedTensor batch = from_tensors(sequences, "pad_sequences");
  const Tensor ones = filled({batch.layout().num_tokens()}, DType::boolean, 1, "pad_sequences");
  const auto pad = [&](const RaggedTensor& tensor, double fill) {
    return to_padded(tensor, {.fill = fill, .side = config.padding, .total_length = width});
  };
  return {pad(batch, config.value), pad(batch.with_values(ones), 0)};
}

}  // namespace detail

Tensor pad_sequence(const std::vector<Tensor>& sequences, const PadSequenceConfig& config) {
  const RaggedTensor batch = detail::from_tensors(sequences, "pad_sequence");
  filled({0}, batch.values().dtype(), config.padding_value, "pad_sequence: padding_value");
  const Tensor padded =
      to_padded(batch, {.fill = config.padding_value, .side = config.padding_side});
  return config.batch_first ? padded : swap_first_axes(padded);
}

std::vector<Tensor> unpad_sequence(const Tensor& padded, std::span<const int64_t> lengths,
                                   UnpadSequenceConfig config) {
  expect_lengths(padded, lengths, config.batch_first, "unpad_sequence", "padded");
  expect_plain(padded, "unpad_sequence: padded");
  const RaggedTensor batch =
      from_padded(config.batch_first ? padded : swap_first_axes(padded), lengths);
  std::vector<Tensor> out;
  for (int64_t b = 0; b < std::ssize(lengths); ++b) out.push_back(batch.sequence(b));
  return out;
}

}  // namespace nopad
