#include "text/decoders/byte_decoders.h"

#include <charconv>
#include <optional>
#include <utility>

#include "text/byte_level.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

// How many of the bytes that the text begins with could begin a character; the text does not begin
// with a whole one.
size_t invalid_length(std::string_view text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0xc2 || lead > 0xf4) return 1;
  const size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return 1;
  size_t length = 2;
  while (length < wanted && length < text.size() && (byte(length) & 0xc0) == 0x80) ++length;
  return length;
}

// The byte of "<0x0A>"; none for other tokens.
std::optional<char> parse_byte(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  // As in the package, which takes a sign.
  const size_t begin = token[3] == '+' ? 4 : 3;
  unsigned value = 0;
  const char* end = token.data() + 5;
  const auto [parsed, error] = std::from_chars(token.data() + begin, end, value, 16);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  while (true) {
    const size_t valid = find_invalid_utf8(text);
    out.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) return out;
    out.append(kReplacement);
    text.remove_prefix(invalid_length(text));
  }
}

void ByteLevelDecoder::apply(std::vector<std::string>& tokens) const {
  std::string bytes;
  for (const std::string& token : tokens) bytes += from_byte_chars(token).value_or(token);
  tokens.assign(1, replace_invalid_utf8(bytes));
}

void ByteFallbackDecoder::apply(std::vector<std::string>& tokens) const {
  std::vector<std::string> out;
  std::string bytes;
  const auto put_bytes = [&] {
    if (find_invalid_utf8(bytes) == bytes.size()) {
      if (!bytes.empty()) out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), std::string(kReplacement));
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = parse_byte(token)) {
      bytes += *byte;
      continue;
    }
    put_bytes();
    out.push_back(std::move(token));
  }
  put_bytes();
  tokens = std::move(out);
}

}  // namespace nopad::text
