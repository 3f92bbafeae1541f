// float16: IEEE half precision, which checkpoints are stored in and nothing computes with.
#pragma once

#include <bit>
#include <cstdint>

namespace nopad::io {

// Exact, for subnormal numbers, infinities and NaN too.
inline float float_from_half(uint16_t half) noexcept {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffu) << 13;
  if (magnitude >= 0x0f800000u) return std::bit_cast<float>(sign | 0x7f800000u | magnitude);
  // The exponent's bias is 112 less than float's; the product is exact.
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
}

}  // namespace nopad::io
