// The element types of a Tensor, and the one way to dispatch on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nopad/core/bfloat16.h"
#include "nopad/core/error.h"

namespace nopad {

// `boolean` is stored as one byte, 0 or 1.
enum class DType : uint8_t { f32, f64, bf16, i8, u8, i32, i64, boolean };

// Size of one element in bytes.
size_t size_of(DType dtype) noexcept;
// The name users type, e.g. "f32"; `boolean` is "bool".
std::string_view to_string(DType dtype) noexcept;

// The DType that stores a C++ type, e.g. dtype_of<float> == DType::f32.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "this type is not an element type");
  return DType::f32;
}();
// clang-format off
template <> inline constexpr DType dtype_of<float> = DType::f32;
template <> inline constexpr DType dtype_of<double> = DType::f64;
template <> inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <> inline constexpr DType dtype_of<int8_t> = DType::i8;
template <> inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <> inline constexpr DType dtype_of<int32_t> = DType::i32;
template <> inline constexpr DType dtype_of<int64_t> = DType::i64;
template <> inline constexpr DType dtype_of<bool> = DType::boolean;
// clang-format on

// Calls f(T{}) with the C++ type that `dtype` stores and returns what it returns.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::bf16: return f(BFloat16{});
    case DType::i8: return f(int8_t{});
    case DType::u8: return f(uint8_t{});
    case DType::i32: return f(int32_t{});
    case DType::i64: return f(int64_t{});
    case DType::boolean: return f(bool{});
  }
  fail<InternalError>("dispatch: dtype: got the unknown value ", static_cast<int>(dtype));
}

}  // namespace nopad
