// bfloat16: the upper half of a float, rounded to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace nopad {

// A 16-bit float with the exponent range of float and 8 bits of precision; arithmetic is float's.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value) noexcept {
    const auto word = std::bit_cast<uint32_t>(value);
    const bool is_nan = (word & 0x7fffffffu) > 0x7f800000u;
    // A NaN keeps its sign and stays a NaN; everything else rounds to nearest even.
    const uint32_t rounded = word + 0x7fffu + ((word >> 16) & 1u);
    bits = static_cast<uint16_t>(is_nan ? (word >> 16) | 0x40u : rounded >> 16);
  }
  explicit operator float() const noexcept {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  friend bool operator==(BFloat16 a, BFloat16 b) noexcept {
    return static_cast<float>(a) == static_cast<float>(b);
  }
};
static_assert(sizeof(BFloat16) == 2);

}  // namespace nopad
