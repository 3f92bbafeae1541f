#include "text/unicode.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace nopad::text {
namespace {

constexpr char32_t kFirstSyllable = 0xac00;
constexpr char32_t kNumSyllables = 11172;

CodePoints find_mapping(const tables::Mapping* table, size_t size, char32_t c) noexcept {
  const auto* entry = std::lower_bound(
      table, table + size, c, [](const tables::Mapping& m, char32_t v) { return m.from < v; });
  CodePoints out;
  while (out.size < 4 && entry->to[out.size] != 0) {
    out.values[out.size] = entry->to[out.size];
    ++out.size;
  }
  return out;
}

// Hangul syllables decompose by arithmetic (The Unicode Standard, 3.12).
CodePoints decompose_syllable(char32_t index) noexcept {
  const char32_t lead = index / 588, vowel = index % 588 / 28, tail = index % 28;
  return {{0x1100 + lead, 0x1161 + vowel, 0x11a7 + tail}, tail == 0 ? size_t{2} : size_t{3}};
}

// The length of the character at text[at], or 0 if none begins there.
size_t valid_length(std::string_view text, size_t at) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  // The second byte's range rules out overlong forms, surrogates and values that are too large.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

CodePoints decompose(char32_t c) noexcept {
  if (c - kFirstSyllable < kNumSyllables) return decompose_syllable(c - kFirstSyllable);
  if (!is(char_class(c), tables::kDecomposes)) return {{c}, 1};
  return find_mapping(tables::kDecompositions, tables::kDecompositionsSize, c);
}

CodePoints lower_case(char32_t c) noexcept {
  if (!is(char_class(c), tables::kLowers)) return {{c}, 1};
  return find_mapping(tables::kLowerCases, tables::kLowerCasesSize, c);
}

size_t find_invalid_utf8(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = 0;
    if (at + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const size_t length = valid_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return at;
}

std::string_view trim_end(std::string_view text) noexcept {
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xc0) == 0x80) --last;
    if (!is(char_class(decode_utf8(text, last).value), tables::kSpace)) break;
    text = text.substr(0, last);
  }
  return text;
}

}  // namespace nopad::text
