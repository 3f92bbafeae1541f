// Characters as the `tokenizers` package sees them: UTF-8, classes, decomposition, lower case.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "text/unicode_tables.h"

namespace nopad::text {

using tables::CharClass;

// One to four code points, without allocation.
struct CodePoints {
  char32_t values[4] = {};
  size_t size = 0;

  const char32_t* begin() const noexcept { return values; }
  const char32_t* end() const noexcept { return values + size; }
};

struct Decoded {
  char32_t value;
  size_t num_bytes;
};

// c : a code point up to U+10FFFF
inline CharClass char_class(char32_t c) noexcept {
  constexpr char32_t kInBlock = (1u << tables::kBlockBits) - 1;
  const size_t block = tables::kBlockOf[c >> tables::kBlockBits];
  return tables::kClasses[tables::kClassOf[(block << tables::kBlockBits) | (c & kInBlock)]];
}

inline bool is(CharClass char_class, tables::Flag flag) noexcept {
  return (char_class.flags & flag) != 0;
}

// The full canonical decomposition (NFD of this character alone); itself if it has none.
CodePoints decompose(char32_t c) noexcept;
// The lower case of this character alone, without regard to its neighbours; itself if it has none.
CodePoints lower_case(char32_t c) noexcept;

// The character that begins at text[at]. `text` must be UTF-8 and `at` a character's first byte.
inline Decoded decode_utf8(std::string_view text, size_t at) noexcept {
  const auto byte = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {((lead & 0x1f) << 6) | (byte(1) & 0x3f), 2};
  if (lead < 0xf0) return {((lead & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f), 3};
  return {
      ((lead & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f),
      4};
}

// text : UTF-8
inline size_t count_characters(std::string_view text) noexcept {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

// Writes 1 to 4 bytes and returns their number.
inline size_t encode_utf8(char32_t c, char* out) noexcept {
  const auto tail = [](char32_t bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<char>(0xc0 | (c >> 6));
    out[1] = tail(c);
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<char>(0xe0 | (c >> 12));
    out[1] = tail(c >> 6);
    out[2] = tail(c);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | (c >> 18));
  out[1] = tail(c >> 12);
  out[2] = tail(c >> 6);
  out[3] = tail(c);
  return 4;
}

// The offset of the first byte that no UTF-8 text has there; text.size() if it is all UTF-8.
// Overlong forms, surrogates and values beyond U+10FFFF are not UTF-8.
size_t find_invalid_utf8(std::string_view text) noexcept;

// The number of characters of a text that is UTF-8.
inline size_t count_chars(std::string_view text) noexcept {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// The text without the white space at its end, by the same class as between words.
std::string_view trim_end(std::string_view text) noexcept;

}  // namespace nopad::text
