#include "text/normalizers/per_character.h"

#include "text/byte_level.h"
#include "text/normalizers/rewrite.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {
namespace {

// Rewrites the characters that the change applies to, and keeps the others.
template <class Change>
void rewrite_characters(NormalizedText& text, const Change& change) {
  const std::string_view old = text.bytes();
  Rewrite rewrite(text);
  size_t kept = 0;  // the begin of what was not written yet
  for (size_t at = 0; at < old.size();) {
    const Decoded c = decode_utf8(old, at);
    if (change.applies_to(c.value)) {
      rewrite.keep(old.substr(kept, at - kept));
      change.write(c.value, rewrite);
      kept = at + c.num_bytes;
    }
    at += c.num_bytes;
  }
  if (kept == 0) return;
  rewrite.keep(old.substr(kept));
  rewrite.finish();
}

struct LowerCase {
  static bool applies_to(char32_t c) noexcept {
    if (c < 0x80) return c >= 'A' && c <= 'Z';
    return is(char_class(c), tables::kLowers);
  }
  static void write(char32_t c, Rewrite& rewrite) {
    int change = 0;
    for (const char32_t lower : lower_case(c)) {
      rewrite.put(lower, change);
      change = 1;
    }
  }
};

struct NoiseRemoval {
  static bool is_dropped(char32_t c) noexcept {
    return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
           c == 0x8f || c == 0x9f;
  }
  static bool is_blank(char32_t c) noexcept {
    return c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 ||
           (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xfeff || c == 0xfffd;
  }
  static bool applies_to(char32_t c) noexcept { return is_dropped(c) || is_blank(c); }
  static void write(char32_t c, Rewrite& rewrite) {
    if (is_dropped(c)) {
      rewrite.remove(1);
    } else {
      rewrite.put(U' ', 0);
    }
  }
};

struct VisibleBytes {
  static bool applies_to(char32_t) noexcept { return true; }
  static void write(char32_t c, Rewrite& rewrite) {
    char bytes[4];
    const size_t num_bytes = encode_utf8(c, bytes);
    for (size_t i = 0; i < num_bytes; ++i) {
      rewrite.put(char_of_byte(static_cast<unsigned char>(bytes[i])), i == 0 ? 0 : 1);
    }
  }
};

}  // namespace

void Lowercase::apply(NormalizedText& text) const { rewrite_characters(text, LowerCase{}); }
void Nmt::apply(NormalizedText& text) const { rewrite_characters(text, NoiseRemoval{}); }
void ByteLevel::apply(NormalizedText& text) const { rewrite_characters(text, VisibleBytes{}); }

}  // namespace nopad::text::normalizers
