// crc32: zlib's checksum, by which recorded data stands for what would be too long to store.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nopad::test {

// crc : that of what came before; 0 at the beginning
inline uint32_t crc32(std::string_view bytes, uint32_t crc) {
  static const auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value % 2 == 1 ? 0xedb88320u : 0);
      table[i] = value;
    }
    return table;
  }();
  crc = ~crc;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 255];
  return ~crc;
}

}  // namespace nopad::test
