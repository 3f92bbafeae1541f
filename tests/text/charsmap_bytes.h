// The bytes of a charsmap with one rule, for tests that break them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nopad::test {

inline void append_u32(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// The children of the node at depth n lie in block n + 1 of 256 units.
inline std::vector<uint32_t> one_rule_units(std::string_view key) {
  constexpr uint32_t kUnused = uint32_t{1} << 31;
  std::vector<uint32_t> units(256 * (key.size() + 2), kUnused);
  uint32_t at = 0;
  for (uint32_t depth = 0; depth <= key.size(); ++depth) {
    const uint32_t children = 256 * (depth + 1);
    const uint32_t label = depth == 0 ? 0 : static_cast<unsigned char>(key[depth - 1]);
    units[at] = (at ^ children) << 10 | label;
    if (depth == key.size()) {
      units[at] |= 1u << 8;
      units[children] = kUnused;  // the replacement begins at 0
    } else {
      at = children ^ static_cast<unsigned char>(key[depth]);
    }
  }
  return units;
}

inline std::string charsmap_bytes(const std::vector<uint32_t>& units, std::string_view rest) {
  std::string out;
  append_u32(out, static_cast<uint32_t>(units.size() * 4));
  for (const uint32_t unit : units) append_u32(out, unit);
  return out.append(rest);
}

}  // namespace nopad::test
