// How close two results must be, named per dtype, and the checks that use it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "nopad/core/tensor.h"

namespace nopad::test {

// An element passes when |actual - expected| <= max_abs + max_relative * |expected|.
// Equal infinities pass; a NaN never does.
struct Tolerance {
  double max_abs;
  double max_relative;
};

inline constexpr Tolerance kExact{0, 0};
// The same formula in another order of summation: a kernel against kernels/ref.
inline constexpr Tolerance kF32{1e-6, 1e-5};
// A whole model against its reference implementation, as promise P5 states it.
inline constexpr Tolerance kF32Model{1e-5, 0};
// bf16 keeps 8 bits: one rounding is off by at most 2^-9 of the value, a sum of products by a few.
inline constexpr Tolerance kBf16{1e-2, 1.6e-2};
inline constexpr Tolerance kF64{1e-12, 1e-12};

inline bool is_close(double actual, double expected, Tolerance tolerance) {
  if (actual == expected) return true;
  if (!std::isfinite(actual) || !std::isfinite(expected)) return false;
  return std::abs(actual - expected) <=
         tolerance.max_abs + tolerance.max_relative * std::abs(expected);
}

// Fails the running test, at the caller's line, unless every element is close. Names the first bad
// index with both values, how many are bad, and the largest difference.
// actual, expected : anything that a std::span can view
template <class Actual, class Expected>
void expect_close(const Actual& actual_values, const Expected& expected_values, Tolerance tolerance,
                  const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const std::span actual(actual_values);
  const std::span expected(expected_values);
  if (actual.size() != expected.size()) {
    ADD_FAILURE_AT(file, line) << "expected " << expected.size() << " elements, got "
                               << actual.size();
    return;
  }
  size_t first_bad = actual.size();
  size_t num_bad = 0;
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const auto a = static_cast<double>(actual[i]);
    const auto e = static_cast<double>(expected[i]);
    if (is_close(a, e, tolerance)) continue;
    first_bad = std::min(first_bad, i);
    ++num_bad;
    largest = std::max(largest, std::abs(a - e));
  }
  if (num_bad == 0) return;
  ADD_FAILURE_AT(file, line) << "element " << first_bad << ": expected "
                             << static_cast<double>(expected[first_bad]) << ", got "
                             << static_cast<double>(actual[first_bad]) << "; " << num_bad << " of "
                             << actual.size() << " differ, by up to " << largest
                             << " (allowed: " << tolerance.max_abs << " + "
                             << tolerance.max_relative << " x |expected|)";
}

// As above over tensors of any dtype, whose shapes must be equal.
inline void expect_close(const Tensor& actual, const Tensor& expected, Tolerance tolerance,
                         const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (actual.shape() != expected.shape()) {
    ADD_FAILURE_AT(file, line) << "expected shape " << to_string(expected.shape()) << ", got "
                               << to_string(actual.shape());
    return;
  }
  const Tensor a = actual.to(DType::f64);
  const Tensor e = expected.to(DType::f64);
  expect_close(a.values<double>(), e.values<double>(), tolerance, file, line);
}

// Fails the running test unless dtype, shape and every bit are equal: the check of batch
// invariance.
inline void expect_same_bits(const Tensor& actual, const Tensor& expected,
                             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (actual.dtype() != expected.dtype() || actual.shape() != expected.shape()) {
    ADD_FAILURE_AT(file, line) << "expected " << to_string(expected.dtype()) << " "
                               << to_string(expected.shape()) << ", got "
                               << to_string(actual.dtype()) << " " << to_string(actual.shape());
    return;
  }
  const std::span a(actual.bytes(), actual.num_bytes());
  const std::span e(expected.bytes(), expected.num_bytes());
  const auto [bad, unused] = std::ranges::mismatch(a, e);
  if (bad == a.end()) return;
  ADD_FAILURE_AT(file, line) << "the bits differ first at element "
                             << static_cast<size_t>(bad - a.begin()) / size_of(actual.dtype())
                             << " of " << to_string(actual.shape());
}

}  // namespace nopad::test
