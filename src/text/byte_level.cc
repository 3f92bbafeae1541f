#include "text/byte_level.h"

#include <array>
#include <vector>

#include "text/class_tables.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

// Two bits per code point, so that a look-up is one load; the ranges stay readable in the source.
class GroupTable {
 public:
  GroupTable() : bits_(0x110000 / 4) {
    set(tables::kLetters, tables::kLettersSize, CharGroup::letter);
    set(tables::kNumbers, tables::kNumbersSize, CharGroup::number);
    for (char32_t c = 0; c <= 0x3000; ++c) {
      if (is(char_class(c), tables::kSpace)) set(c, CharGroup::space);
    }
  }
  CharGroup operator[](char32_t c) const noexcept {
    return static_cast<CharGroup>((bits_[c >> 2] >> (2 * (c & 3))) & 3);
  }

 private:
  void set(const tables::CodePointRange* ranges, size_t size, CharGroup group) {
    for (size_t i = 0; i < size; ++i) {
      for (char32_t c = ranges[i].first; c <= ranges[i].last; ++c) set(c, group);
    }
  }
  void set(char32_t c, CharGroup group) {
    bits_[c >> 2] |= static_cast<uint8_t>(static_cast<unsigned>(group) << (2 * (c & 3)));
  }
  std::vector<uint8_t> bits_;
};

struct Next {
  CharGroup group;
  size_t end;
};

Next next_char(std::string_view text, size_t at) noexcept {
  static const GroupTable kGroups;
  const auto [c, num_bytes] = decode_utf8(text, at);
  return {kGroups[c], at + num_bytes};
}

// The end of the run of one group from `at`, where the next character is of that group.
size_t run_end(std::string_view text, size_t at, CharGroup group) noexcept {
  while (at < text.size()) {
    const Next next = next_char(text, at);
    if (next.group != group) break;
    at = next.end;
  }
  return at;
}

// The length of 's 't 're 've 'm 'll or 'd; 0 if the text begins otherwise.
size_t contraction_length(std::string_view text) noexcept {
  if (text.size() < 2 || text[0] != '\'') return 0;
  const char second = text[1];
  if (second == 's' || second == 't' || second == 'm' || second == 'd') return 2;
  const std::string_view two = text.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

// White space up to a visible character leaves its last one to the word that follows.
size_t space_end(std::string_view text, size_t at) noexcept {
  size_t last = at;
  size_t end = at;
  while (end < text.size()) {
    const Next next = next_char(text, end);
    if (next.group != CharGroup::space) return last == at ? end : last;
    last = end;
    end = next.end;
  }
  return end;
}

constexpr bool is_visible(unsigned byte) noexcept {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

constexpr std::array<char32_t, 256> make_chars() noexcept {
  std::array<char32_t, 256> chars{};
  char32_t moved = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) chars[byte] = is_visible(byte) ? byte : moved++;
  return chars;
}

constexpr std::array<char32_t, 256> kChars = make_chars();
constexpr char32_t kNumByteChars = 0x144;  // the last one is U+0143

constexpr std::array<int16_t, kNumByteChars> make_bytes() noexcept {
  std::array<int16_t, kNumByteChars> bytes{};
  for (int16_t& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) bytes[kChars[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr std::array<int16_t, kNumByteChars> kBytes = make_bytes();

}  // namespace

CharGroup char_group(char32_t c) noexcept {
  char bytes[4];
  return next_char({bytes, encode_utf8(c, bytes)}, 0).group;
}

size_t byte_level_word_end(std::string_view text, size_t at) noexcept {
  if (const size_t length = contraction_length(text.substr(at)); length != 0) return at + length;
  const bool blank = text[at] == ' ';
  if (!blank || at + 1 < text.size()) {
    const Next next = next_char(text, blank ? at + 1 : at);
    if (next.group != CharGroup::space) return run_end(text, next.end, next.group);
  }
  return space_end(text, at);
}

char32_t char_of_byte(unsigned char byte) noexcept { return kChars[byte]; }

std::optional<unsigned char> byte_of_char(char32_t c) noexcept {
  if (c >= kNumByteChars || kBytes[c] < 0) return std::nullopt;
  return static_cast<unsigned char>(kBytes[c]);
}

std::string to_byte_chars(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char byte : bytes) {
    char utf8[4];
    text.append(utf8, encode_utf8(kChars[static_cast<unsigned char>(byte)], utf8));
  }
  return text;
}

std::optional<std::string> from_byte_chars(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto [c, num_bytes] = decode_utf8(text, at);
    const auto byte = byte_of_char(c);
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
    at += num_bytes;
  }
  return bytes;
}

}  // namespace nopad::text
