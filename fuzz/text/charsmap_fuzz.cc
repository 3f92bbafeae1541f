// Fuzzes charsmaps: the bytes up to the last 0xFF are the map, which must be refused or be safe to
// search; what follows is the text. With and without sources the text must become the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nopad/core/error.h"
#include "text/normalizers/precompiled.h"
#include "text/unicode.h"

namespace {

using nopad::text::Charsmap;
using nopad::text::NormalizedText;
using nopad::text::normalizers::Precompiled;

void normalize(const Precompiled& normalizer, std::string_view text) {
  NormalizedText plain(text, 7, false), tracked(text, 7, true);
  normalizer.apply(plain);
  normalizer.apply(tracked);
  if (plain.bytes() != tracked.bytes()) __builtin_trap();
  if (nopad::text::find_invalid_utf8(plain.bytes()) != plain.bytes().size()) __builtin_trap();
  for (size_t at = 0; at < tracked.bytes().size(); ++at) {
    const auto source = tracked.source(at, at + 1);
    if (source.begin < 7 || source.end < source.begin || source.end > 7 + text.size()) {
      __builtin_trap();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.rfind('\xff');
  if (split == input.npos) return 0;
  const std::string_view tail = input.substr(split + 1);
  const std::string_view text = tail.substr(0, nopad::text::find_invalid_utf8(tail));
  try {
    normalize(Precompiled(Charsmap::parse(input.substr(0, split), "f")), text);
    normalize(Precompiled(Charsmap::parse(input.substr(0, split), "f")), "a\u0301\r\nb\u4e2d");
  } catch (const nopad::FormatError&) {
  }
  return 0;
}
