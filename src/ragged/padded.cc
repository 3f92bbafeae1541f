#include "nopad/ragged/padded.h"

#include <algorithm>
#include <cstring>

#include "nopad/core/error.h"
#include "ragged/padded_rows.h"

namespace nopad {
namespace {

// Calls f(token, cell, count) for each run of tokens that stand side by side in a padded batch of
// `width` columns. column(b, i) says where token i of sequence b stands.
template <class Column, class F>
void for_each_run(const RaggedLayout& layout, int64_t width, Column column, F f) {
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    const int64_t length = layout.length(b);
    for (int64_t begin = 0, end = 0; begin < length; begin = end) {
      end = begin + 1;
      while (end < length && column(b, end) == column(b, end - 1) + 1) ++end;
      f(layout.offset(b) + begin, b * width + column(b, begin), end - begin);
    }
  }
}

void expect_padded(const Tensor& values, const Tensor& keep) {
  if (values.rank() < 2) {
    fail<ShapeError>("from_padded: values: expected [B, L, ...], got ", values.shape());
  }
  if (keep.dtype() != DType::boolean) {
    fail<DTypeError>("from_padded: keep: expected bool, got ", keep.dtype());
  }
  const Shape expected{values.dim(0), values.dim(1)};
  if (keep.shape() != expected) {
    fail<ShapeError>("from_padded: keep: expected ", expected, ", got ", keep.shape());
  }
}

int64_t width_of(const RaggedLayout& layout, const ToPaddedConfig& config) {
  const int64_t needed = config.side ? layout.max_length() : layout.padded_width();
  if (config.total_length == 0) return needed;
  if (config.total_length < needed) {
    fail<OptionError>("to_padded: total_length: expected ", needed, " or more, got ",
                      config.total_length);
  }
  return config.total_length;
}

}  // namespace

RaggedTensor from_padded(const Tensor& values, const Tensor& keep) {
  expect_padded(values, keep);
  expect_plain(values, "from_padded: values");
  const RaggedLayout layout = RaggedLayout::from_keep(keep);
  Tensor out =
      Tensor::empty(with_leading({layout.num_tokens()}, values.shape(), 2), values.dtype());
  if (out.num_bytes() == 0) return {out, layout};
  const auto row_bytes = out.num_bytes() / static_cast<size_t>(layout.num_tokens());
  for_each_run(
      layout, layout.padded_width(),
      [&](int64_t b, int64_t index) { return layout.column(b, index); },
      [&, to = out.mutable_bytes()](int64_t token, int64_t cell, int64_t count) {
        std::memcpy(to + static_cast<size_t>(token) * row_bytes,
                    values.bytes() + static_cast<size_t>(cell) * row_bytes,
                    static_cast<size_t>(count) * row_bytes);
      });
  return {out, layout};
}

RaggedTensor from_padded(const Tensor& values, std::span<const int64_t> lengths) {
  expect_lengths(values, lengths, true, "from_padded", "values");
  const int64_t width = values.dim(1);
  Tensor keep = Tensor::zeros({values.dim(0), width}, DType::boolean);
  const auto kept = keep.mutable_values<bool>();
  for (size_t b = 0; b < lengths.size(); ++b) {
    std::fill_n(kept.begin() + static_cast<int64_t>(b) * width, lengths[b], true);
  }
  return from_padded(values, keep);
}

Tensor to_padded(const RaggedTensor& tensor, ToPaddedConfig config) {
  const RaggedLayout& layout = tensor.layout();
  const Tensor& values = tensor.values();
  expect_plain(values, "to_padded: tensor");
  const int64_t width = width_of(layout, config);
  const Shape shape = with_leading({layout.num_sequences(), width}, values.shape(), 1);
  Tensor out = filled(shape, values.dtype(), config.fill, "to_padded: fill");
  if (values.num_bytes() == 0) return out;
  const auto row_bytes = values.num_bytes() / static_cast<size_t>(layout.num_tokens());
  const auto column = [&](int64_t b, int64_t index) {
    if (!config.side) return layout.column(b, index);
    return *config.side == Side::right ? index : width - layout.length(b) + index;
  };
  for_each_run(layout, width, column,
               [&, to = out.mutable_bytes()](int64_t token, int64_t cell, int64_t count) {
                 std::memcpy(to + static_cast<size_t>(cell) * row_bytes,
                             values.bytes() + static_cast<size_t>(token) * row_bytes,
                             static_cast<size_t>(count) * row_bytes);
               });
  return out;
}

}  // namespace nopad
