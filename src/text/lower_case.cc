#include "nopad/text/lower_case.h"

#include "text/unicode.h"

namespace nopad::text {

std::string lower_case(std::string_view text) {
  const size_t end = find_invalid_utf8(text);
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < end;) {
    const Decoded c = decode_utf8(text, at);
    for (const char32_t lower : lower_case(c.value)) {
      char bytes[4];
      out.append(bytes, encode_utf8(lower, bytes));
    }
    at += c.num_bytes;
  }
  return out.append(text.substr(end));
}

}  // namespace nopad::text
