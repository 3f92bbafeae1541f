// Vectors of bf16 for tests, and the instruction sets that multiply them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"
#include "random.h"

namespace nopad::test {

inline const BFloat16 kBf16Nan{std::numeric_limits<float>::quiet_NaN()};

inline std::vector<Isa> tile_isas() {
  std::vector<Isa> isas = supported_isas();
  std::erase_if(isas, [](Isa isa) { return !has_tiles(isa); });
  return isas;
}

inline std::vector<BFloat16> random_bf16(Random& random, int64_t count) {
  std::vector<BFloat16> out(static_cast<size_t>(count));
  for (BFloat16& value : out) value = BFloat16(random.real());
  return out;
}

inline std::vector<float> to_floats(std::span<const BFloat16> values) {
  std::vector<float> out;
  for (const BFloat16 value : values) out.push_back(static_cast<float>(value));
  return out;
}

inline std::vector<uint16_t> bits_of(std::span<const BFloat16> values) {
  std::vector<uint16_t> out;
  for (const BFloat16 value : values) out.push_back(value.bits);
  return out;
}

}  // namespace nopad::test
