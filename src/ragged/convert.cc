#include "nopad/ragged/convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nopad/core/error.h"

namespace nopad {
namespace {

// The shape [leading..., the dimensions of `shape` from `axis` on].
Shape with_leading(std::initializer_list<int64_t> leading, const Shape& shape, size_t axis) {
  std::vector<int64_t> dims(leading);
  const auto rest = shape.dims().subspan(axis);
  dims.insert(dims.end(), rest.begin(), rest.end());
  return Shape(std::span<const int64_t>(dims));
}

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

// Whether `value` survives in the element type T, up to a float's rounding.
template <class T>
bool holds(double value) {
  if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, BFloat16>) {
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value == 0 || value == 1;
  } else {
    // The end of the range, a power of two, is a double even where the largest value is not.
    constexpr double kEnd = static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
    return value >= static_cast<double>(std::numeric_limits<T>::min()) && value < kEnd &&
           value == std::trunc(value);
  }
}

Tensor filled(const Shape& shape, DType dtype, double fill) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch(dtype, [&](auto element) {
    using T = decltype(element);
    if (!holds<T>(fill)) {
      fail<OptionError>("to_padded: fill: expected a value of ", dtype, ", got ", fill);
    }
    const T value = [&] {
      if constexpr (std::is_same_v<T, BFloat16>)
        return BFloat16(static_cast<float>(fill));
      else
        return static_cast<T>(fill);
    }();
    std::ranges::fill(out.mutable_values<T>(), value);
  });
  return out;
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

int64_t width_of(const std::vector<std::vector<int64_t>>& sequences,
                 const PadSequencesConfig& config) {
  if (config.max_length && *config.max_length < 1) {
    fail<OptionError>("pad_sequences: max_length: expected 1 or more, got ", *config.max_length);
  }
  if (config.max_length) return *config.max_length;
  int64_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, std::ssize(sequence));
  return longest;
}

template <class T>
Tensor pad_as(const std::vector<std::vector<int64_t>>& sequences, const Shape& shape,
              const PadSequencesConfig& config) {
  if (!std::in_range<T>(config.value)) {
    fail<OptionError>("pad_sequences: value: expected one of ", dtype_of<T>, ", got ",
                      config.value);
  }
  Tensor out = Tensor::empty(shape, dtype_of<T>);
  const auto cells = out.mutable_values<T>();
  std::ranges::fill(cells, static_cast<T>(config.value));
  const auto width = static_cast<size_t>(shape[1]);
  for (size_t b = 0; b < sequences.size(); ++b) {
    const auto& ids = sequences[b];
    const size_t count = std::min(ids.size(), width);
    const size_t first = config.truncating == Side::left ? ids.size() - count : 0;
    const size_t column = config.padding == Side::left ? width - count : 0;
    for (size_t i = 0; i < count; ++i) {
      const int64_t id = ids[first + i];
      if (!std::in_range<T>(id)) {
        fail<InputError>("pad_sequences: sequence ", b, ": expected ids of ", dtype_of<T>, ", got ",
                         id, " at index ", first + i);
      }
      cells[b * width + column + i] = static_cast<T>(id);
    }
  }
  return out;
}

void expect_matrix(const Tensor& mask, std::string_view where) {
  if (mask.rank() != 2) fail<ShapeError>(where, ": expected [B, L], got ", mask.shape());
}

void expect_bool_matrix(const Tensor& mask, std::string_view where) {
  expect_matrix(mask, where);
  if (mask.dtype() != DType::boolean)
    fail<DTypeError>(where, ": expected bool, got ", mask.dtype());
}

}  // namespace

RaggedTensor from_padded(const Tensor& values, const Tensor& keep) {
  expect_padded(values, keep);
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
  if (values.rank() < 2 || values.dim(0) != std::ssize(lengths)) {
    fail<ShapeError>("from_padded: values: expected [B, L, ...] with B=", lengths.size(), ", got ",
                     values.shape());
  }
  const int64_t width = values.dim(1);
  Tensor keep = Tensor::zeros({values.dim(0), width}, DType::boolean);
  const auto kept = keep.mutable_values<bool>();
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (lengths[b] < 0 || lengths[b] > width) {
      fail<LayoutError>("from_padded: lengths: expected 0 to ", width, ", got ", lengths[b],
                        " for sequence ", b);
    }
    std::fill_n(kept.begin() + static_cast<int64_t>(b) * width, lengths[b], true);
  }
  return from_padded(values, keep);
}

Tensor to_padded(const RaggedTensor& tensor, ToPaddedConfig config) {
  const RaggedLayout& layout = tensor.layout();
  const Tensor& values = tensor.values();
  const int64_t width = width_of(layout, config);
  const Shape shape = with_leading({layout.num_sequences(), width}, values.shape(), 1);
  Tensor out = filled(shape, values.dtype(), config.fill);
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

Tensor pad_sequences(const std::vector<std::vector<int64_t>>& sequences,
                     PadSequencesConfig config) {
  const int64_t width = width_of(sequences, config);
  const Shape shape{std::ssize(sequences), width};
  if (config.dtype == DType::i32) return pad_as<int32_t>(sequences, shape, config);
  if (config.dtype == DType::i64) return pad_as<int64_t>(sequences, shape, config);
  fail<DTypeError>("pad_sequences: dtype: expected i32 or i64, got ", config.dtype);
}

Tensor keep_from_hf_attention_mask(const Tensor& attention_mask) {
  constexpr std::string_view kWhere = "keep_from_hf_attention_mask: attention_mask";
  expect_matrix(attention_mask, kWhere);
  const Tensor numbers = attention_mask.to(DType::f64);
  const auto values = numbers.values<double>();
  const auto bad =
      std::ranges::find_if(values, [](double value) { return value != 0 && value != 1; });
  if (bad != values.end()) {
    const int64_t cell = bad - values.begin();
    const int64_t width = attention_mask.dim(1);
    fail<InputError>(kWhere, ": expected 0 or 1, got ", *bad, " at [", cell / width, ", ",
                     cell % width, "]");
  }
  return attention_mask.to(DType::boolean);
}

Tensor keep_from_torch_key_padding_mask(const Tensor& key_padding_mask) {
  expect_bool_matrix(key_padding_mask, "keep_from_torch_key_padding_mask: key_padding_mask");
  Tensor keep = Tensor::empty(key_padding_mask.shape(), DType::boolean);
  std::ranges::transform(key_padding_mask.values<bool>(), keep.mutable_values<bool>().begin(),
                         std::logical_not<>());
  return keep;
}

Tensor keep_from_keras_mask(const Tensor& mask) {
  expect_bool_matrix(mask, "keep_from_keras_mask: mask");
  return mask;
}

}  // namespace nopad
