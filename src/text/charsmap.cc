#include "text/charsmap.h"

#include "nopad/core/error.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

// A unit of Darts' double array (github.com/s-yata/darts-clone): a node's label, where its children
// lie, and whether a key ends there; or, with the highest bit set, the value of that key.
constexpr uint32_t kValueBit = uint32_t{1} << 31;

bool is_value(uint32_t unit) noexcept { return (unit & kValueBit) != 0; }
bool ends_key(uint32_t unit) noexcept { return (unit >> 8 & 1) != 0; }
uint32_t value_of(uint32_t unit) noexcept { return unit & ~kValueBit; }
uint32_t label_of(uint32_t unit) noexcept { return unit & (kValueBit | 0xff); }
uint32_t children_of(uint32_t unit) noexcept { return (unit >> 10) << ((unit & 1u << 9) >> 6); }

uint32_t read_u32(std::string_view bytes, size_t at) noexcept {
  uint32_t out = 0;
  for (size_t i = 4; i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

}  // namespace

Charsmap Charsmap::parse(std::string_view bytes, std::string_view where) {
  const uint64_t trie_bytes = bytes.size() >= 4 ? read_u32(bytes, 0) : 0;
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > bytes.size() - 4) {
    fail<FormatError>(where, ": expected a trie of 4 to ", bytes.size() < 4 ? 0 : bytes.size() - 4,
                      " bytes in words of 4, got ", trie_bytes);
  }
  Charsmap out;
  out.units_.resize(trie_bytes / 4);
  for (size_t i = 0; i < out.units_.size(); ++i) out.units_[i] = read_u32(bytes, 4 + 4 * i);
  out.replacements_ = bytes.substr(4 + trie_bytes);
  const size_t invalid = find_invalid_utf8(out.replacements_);
  if (invalid < out.replacements_.size()) {
    fail<FormatError>(where, ": replacements: expected UTF-8, got an invalid byte at offset ",
                      invalid);
  }
  out.expect_units(where);
  for (size_t c = 0; c < 128; ++c) {
    const char text = static_cast<char>(c);
    out.changes_ascii_[c] = out.find({&text, 1}).has_value();
  }
  return out;
}

// A search from unit `at` looks at the units children ^ label for any label, and at children itself
// for the value, if a key ends there.
void Charsmap::expect_units(std::string_view where) const {
  for (size_t at = 0; at < units_.size(); ++at) {
    const uint32_t unit = units_[at];
    if (at != 0 && is_value(unit)) continue;  // no label is equal to it, but a search begins at 0
    const size_t children = at ^ children_of(unit);
    if ((children | 0xff) >= units_.size()) {
      fail<FormatError>(where, ": unit ", at, ": expected children below ", units_.size(), ", got ",
                        children);
    }
    if (at == 0 || !ends_key(unit)) continue;
    const size_t begin = value_of(units_[children]);
    const bool inside = begin < replacements_.size();
    if (!inside || (static_cast<unsigned char>(replacements_[begin]) & 0xc0) == 0x80) {
      fail<FormatError>(where, ": unit ", at, ": expected a replacement that begins below ",
                        replacements_.size(), ", got ", begin,
                        inside ? ", inside a character" : "");
    }
  }
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const noexcept {
  size_t at = children_of(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    at ^= byte;
    const uint32_t unit = units_[at];
    if (byte == 0 || label_of(unit) != byte) return std::nullopt;
    at ^= children_of(unit);
    if (ends_key(unit)) {
      // Ends at the NUL that each replacement has, or at the last byte.
      const std::string_view from = std::string_view(replacements_).substr(value_of(units_[at]));
      return from.substr(0, from.find('\0'));
    }
  }
  return std::nullopt;
}

}  // namespace nopad::text
