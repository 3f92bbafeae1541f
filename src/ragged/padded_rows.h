// What the functions of the border share: shapes, fills, and tensors that lose no gradient here.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nopad/core/tensor.h"

namespace nopad {

// The shape [leading..., the dimensions of `shape` from `axis` on].
Shape with_leading(std::initializer_list<int64_t> leading, const Shape& shape, size_t axis);

// Whether `value` survives in the element type To, up to a float's rounding.
template <class To, class From>
requires std::same_as<From, double> || std::same_as<From, int64_t>
bool holds(From value) {
  if constexpr (std::is_floating_point_v<To> || std::is_same_v<To, BFloat16>) {
    return true;
  } else if constexpr (std::is_same_v<To, bool>) {
    return value == 0 || value == 1;
  } else if constexpr (std::is_same_v<From, int64_t>) {
    return std::in_range<To>(value);
  } else {
    // The end of the range, a power of two, is a double even where the largest value is not.
    constexpr double kEnd = static_cast<double>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    return value >= static_cast<double>(std::numeric_limits<To>::min()) && value < kEnd &&
           value == std::trunc(value);
  }
}

// A tensor full of `fill`.
// where  : the operand, e.g. "to_padded: fill"
// Throws : OptionError, an integer or bool dtype does not hold it exactly
Tensor filled(const Shape& shape, DType dtype, double fill, std::string_view where);

// [A, B, ...] as [B, A, ...]: batch first and time first.
Tensor swap_first_axes(const Tensor& tensor);

// Throws OptionError: a gradient of this tensor is wanted, and what is made of it would have none.
void expect_plain(const Tensor& tensor, std::string_view where);

// The check of a batch padded on the right, time first or batch first, and its lengths.
// Throws : ShapeError, not [L, B, ...] or [B, L, ...]; LayoutError, a length not in [0, L]
void expect_lengths(const Tensor& padded, std::span<const int64_t> lengths, bool batch_first,
                    std::string_view op, std::string_view operand);

}  // namespace nopad
