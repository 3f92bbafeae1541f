#include "text/normalizers/prepend.h"

#include <vector>

#include "text/normalized_text.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {

void Prepend::apply(NormalizedText& text) const {
  if (text.bytes().empty() || content_.empty()) return;
  // In the package's terms: the first new character replaces the old one, and all others are new.
  const Decoded first = decode_utf8(text.bytes(), 0);
  std::vector<NewChar> chars;
  for (size_t at = 0; at < content_.size();) {
    const Decoded c = decode_utf8(content_, at);
    chars.push_back({c.value, at == 0 ? 0 : 1});
    at += c.num_bytes;
  }
  chars.push_back({first.value, 1});
  text.transform(0, first.num_bytes, chars, 0);
}

}  // namespace nopad::text::normalizers
