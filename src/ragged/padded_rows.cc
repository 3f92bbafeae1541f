#include "ragged/padded_rows.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "nopad/core/error.h"

namespace nopad {

Shape with_leading(std::initializer_list<int64_t> leading, const Shape& shape, size_t axis) {
  std::vector<int64_t> dims(leading);
  const auto rest = shape.dims().subspan(axis);
  dims.insert(dims.end(), rest.begin(), rest.end());
  return Shape(std::span<const int64_t>(dims));
}

Tensor filled(const Shape& shape, DType dtype, double fill, std::string_view where) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch(dtype, [&](auto element) {
    using T = decltype(element);
    if (!holds<T>(fill)) {
      fail<OptionError>(where, ": expected a value of ", dtype, ", got ", fill);
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

Tensor swap_first_axes(const Tensor& tensor) {
  const int64_t num_rows = tensor.dim(0), num_columns = tensor.dim(1);
  Tensor out =
      Tensor::empty(with_leading({num_columns, num_rows}, tensor.shape(), 2), tensor.dtype());
  if (out.num_bytes() == 0) return out;
  const auto cell = out.num_bytes() / static_cast<size_t>(num_rows * num_columns);
  const std::byte* from = tensor.bytes();
  std::byte* const to = out.mutable_bytes();
  for (int64_t row = 0; row < num_rows; ++row) {
    for (int64_t column = 0; column < num_columns; ++column, from += cell) {
      std::memcpy(to + static_cast<size_t>(column * num_rows + row) * cell, from, cell);
    }
  }
  return out;
}

void expect_plain(const Tensor& tensor, std::string_view where) {
  if (tensor.node() != nullptr) {
    fail<OptionError>(where,
                      ": expected a detached tensor, got one whose gradient is wanted and would be "
                      "lost");
  }
}

void expect_lengths(const Tensor& padded, std::span<const int64_t> lengths, bool batch_first,
                    std::string_view op, std::string_view operand) {
  if (padded.rank() < 2 || padded.dim(batch_first ? 0 : 1) != std::ssize(lengths)) {
    fail<ShapeError>(op, ": ", operand, ": expected ", batch_first ? "[B, L, ...]" : "[L, B, ...]",
                     " with B=", lengths.size(), ", got ", padded.shape());
  }
  const int64_t width = padded.dim(batch_first ? 1 : 0);
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (lengths[b] < 0 || lengths[b] > width) {
      fail<LayoutError>(op, ": lengths: expected 0 to ", width, ", got ", lengths[b],
                        " for sequence ", b);
    }
  }
}

}  // namespace nopad
