#include "nopad/ragged/packed_sequence.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/ragged/padded.h"
#include "nopad/ragged/sequences.h"
#include "ragged/padded_rows.h"

namespace nopad {
namespace {

// The sequences by falling length, equal ones in their own order.
std::vector<int64_t> sorted_by_length(const RaggedLayout& layout) {
  std::vector<int64_t> order(static_cast<size_t>(layout.num_sequences()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](int64_t b) { return layout.length(b); });
  return order;
}

std::vector<int64_t> inverse(std::span<const int64_t> permutation) {
  std::vector<int64_t> out(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    out[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  }
  return out;
}

// Copies each token between its place in `layout` and its place among the steps.
// order : [B]   the sequence at each sorted place
// copy  : (token, place)
template <class Copy>
void for_each_token(const RaggedLayout& layout, std::span<const int64_t> order,
                    std::span<const int64_t> batch_sizes, Copy copy) {
  int64_t place = 0;
  for (size_t step = 0; step < batch_sizes.size(); ++step) {
    for (int64_t i = 0; i < batch_sizes[step]; ++i, ++place) {
      copy(layout.offset(order[static_cast<size_t>(i)]) + static_cast<int64_t>(step), place);
    }
  }
}

void expect_batch_sizes(const PackedSequence& packed) {
  if (packed.data.rank() == 0) {
    fail<ShapeError>("PackedSequence: data: expected [T, ...], got a scalar");
  }
  int64_t allowed = std::ssize(packed.sorted_indices);
  int64_t left = packed.data.dim(0);
  for (size_t step = 0; step < packed.batch_sizes.size(); ++step) {
    const int64_t size = packed.batch_sizes[step];
    if (size < 1 || size > allowed) {
      fail<LayoutError>("PackedSequence: batch_sizes: expected 1 to ", allowed, ", got ", size,
                        " at step ", step);
    }
    if (size > left) left = -1;
    if (left < 0) break;
    allowed = size;
    left -= size;
  }
  if (left != 0) {
    fail<LayoutError>("PackedSequence: batch_sizes: expected a sum of ", packed.data.dim(0),
                      ", the rows of data, got ", left < 0 ? "more" : "less");
  }
}

void expect_indices(const PackedSequence& packed) {
  const auto& sorted = packed.sorted_indices;
  const auto& unsorted = packed.unsorted_indices;
  if (unsorted.size() != sorted.size()) {
    fail<LayoutError>("PackedSequence: unsorted_indices: expected ", sorted.size(),
                      " as sorted_indices has, got ", unsorted.size());
  }
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] < 0 || sorted[i] >= std::ssize(sorted)) {
      fail<LayoutError>("PackedSequence: sorted_indices: expected 0 to ", std::ssize(sorted) - 1,
                        ", got ", sorted[i], " at place ", i);
    }
    // That each place is found again also means that no sequence stands at two of them.
    const int64_t place = unsorted[static_cast<size_t>(sorted[i])];
    if (place != static_cast<int64_t>(i)) {
      fail<LayoutError>("PackedSequence: unsorted_indices: expected ", i, " for sequence ",
                        sorted[i], ", got ", place);
    }
  }
}

void expect_sorted(const RaggedLayout& layout, std::string_view op) {
  for (int64_t b = 1; b < layout.num_sequences(); ++b) {
    if (layout.length(b) <= layout.length(b - 1)) continue;
    fail<LayoutError>(op, ": lengths: expected them never to rise under enforce_sorted, got ",
                      layout.length(b - 1), " then ", layout.length(b), " at sequence ", b);
  }
}

}  // namespace

PackedSequence to_packed(const RaggedTensor& tensor) {
  const RaggedLayout& layout = tensor.layout();
  const Tensor& values = tensor.values();
  expect_plain(values, "to_packed: tensor");
  PackedSequence out;
  out.sorted_indices = sorted_by_length(layout);
  out.unsorted_indices = inverse(out.sorted_indices);
  int64_t active = layout.num_sequences();
  for (int64_t step = 0; step < layout.max_length(); ++step) {
    while (layout.length(out.sorted_indices[static_cast<size_t>(active - 1)]) <= step) --active;
    out.batch_sizes.push_back(active);
  }
  out.data = Tensor::empty(values.shape(), values.dtype());
  if (values.num_bytes() == 0) return out;
  const auto row_bytes = values.num_bytes() / static_cast<size_t>(layout.num_tokens());
  for_each_token(layout, out.sorted_indices, out.batch_sizes,
                 [&, to = out.data.mutable_bytes()](int64_t token, int64_t place) {
                   std::memcpy(to + static_cast<size_t>(place) * row_bytes,
                               values.bytes() + static_cast<size_t>(token) * row_bytes, row_bytes);
                 });
  return out;
}

RaggedTensor from_packed(const PackedSequence& packed) {
  expect_batch_sizes(packed);
  expect_indices(packed);
  expect_plain(packed.data, "PackedSequence: data");
  std::vector<int64_t> lengths(packed.sorted_indices.size());
  for (const int64_t size : packed.batch_sizes) {
    for (int64_t i = 0; i < size; ++i) {
      ++lengths[static_cast<size_t>(packed.sorted_indices[static_cast<size_t>(i)])];
    }
  }
  const auto layout = RaggedLayout::from_lengths(lengths);
  Tensor values = Tensor::empty(packed.data.shape(), packed.data.dtype());
  if (values.num_bytes() == 0) return {values, layout};
  const auto row_bytes = values.num_bytes() / static_cast<size_t>(layout.num_tokens());
  for_each_token(layout, packed.sorted_indices, packed.batch_sizes,
                 [&, to = values.mutable_bytes()](int64_t token, int64_t place) {
                   std::memcpy(to + static_cast<size_t>(token) * row_bytes,
                               packed.data.bytes() + static_cast<size_t>(place) * row_bytes,
                               row_bytes);
                 });
  return {values, layout};
}

PackedSequence pack_padded_sequence(const Tensor& input, std::span<const int64_t> lengths,
                                    PackPaddedConfig config) {
  expect_lengths(input, lengths, config.batch_first, "pack_padded_sequence", "input");
  expect_plain(input, "pack_padded_sequence: input");
  const RaggedTensor batch =
      from_padded(config.batch_first ? input : swap_first_axes(input), lengths);
  if (config.enforce_sorted) expect_sorted(batch.layout(), "pack_padded_sequence");
  return to_packed(batch);
}

PackedSequence pack_sequence(const std::vector<Tensor>& sequences, PackConfig config) {
  const RaggedTensor batch = detail::from_tensors(sequences, "pack_sequence");
  if (config.enforce_sorted) expect_sorted(batch.layout(), "pack_sequence");
  return to_packed(batch);
}

PadPackedResult pad_packed_sequence(const PackedSequence& packed, PadPackedConfig config) {
  const RaggedTensor batch = from_packed(packed);
  const int64_t longest = batch.layout().max_length();
  if (config.total_length != 0 && config.total_length < longest) {
    fail<OptionError>("pad_packed_sequence: total_length: expected ", longest, " or more, got ",
                      config.total_length);
  }
  filled({0}, batch.values().dtype(), config.padding_value, "pad_packed_sequence: padding_value");
  const Tensor padded = to_padded(
      batch,
      {.fill = config.padding_value, .side = Side::right, .total_length = config.total_length});
  const Tensor lengths = batch.layout().lengths();
  const auto counts = lengths.values<int64_t>();
  return {config.batch_first ? padded : swap_first_axes(padded), {counts.begin(), counts.end()}};
}

std::vector<Tensor> unpack_sequence(const PackedSequence& packed) {
  const RaggedTensor batch = from_packed(packed);
  std::vector<Tensor> out;
  for (int64_t b = 0; b < batch.layout().num_sequences(); ++b) out.push_back(batch.sequence(b));
  return out;
}

}  // namespace nopad
