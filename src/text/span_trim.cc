#include "text/span_trim.h"

#include <algorithm>

#include "text/byte_level.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

bool is_blank(char32_t c) noexcept {
  return c == char_of_byte(' ') || is(char_class(c), tables::kSpace);
}

size_t count_leading(std::string_view token) noexcept {
  size_t count = 0;
  for (size_t at = 0; at < token.size(); ++count) {
    const auto [c, num_bytes] = decode_utf8(token, at);
    if (!is_blank(c)) break;
    at += num_bytes;
  }
  return count;
}

int64_t char_begin(std::string_view text, int64_t at) noexcept {
  while (at > 0 && (static_cast<unsigned char>(text[static_cast<size_t>(at)]) & 0xc0) == 0x80) --at;
  return at;
}

size_t count_trailing(std::string_view token) noexcept {
  size_t count = 0;
  for (auto end = static_cast<int64_t>(token.size()); end > 0; ++count) {
    end = char_begin(token, end - 1);
    if (!is_blank(decode_utf8(token, static_cast<size_t>(end)).value)) break;
  }
  return count;
}

void trim_span(std::string_view text, size_t leading, size_t trailing, Span& span) noexcept {
  for (; leading > 0 && span.begin < span.end; --leading) {
    span.begin +=
        static_cast<int64_t>(decode_utf8(text, static_cast<size_t>(span.begin)).num_bytes);
  }
  span.begin = std::min(span.begin, span.end);
  for (; trailing > 0 && span.end > span.begin; --trailing) {
    span.end = std::max(char_begin(text, span.end - 1), span.begin);
  }
}

}  // namespace

void trim_spans(std::string_view text, SpanTrim trim, std::span<Span> spans,
                const std::function<std::string_view(size_t)>& token_of) {
  for (size_t i = 0; i < spans.size(); ++i) {
    const std::string_view token = token_of(i);
    size_t leading = count_leading(token);
    const size_t trailing = count_trailing(token);
    const bool begins_text = i == 0 || spans[i].begin == 0;
    if (begins_text && trim.add_prefix_space && leading == 1) leading = 0;
    trim_span(text, leading, trailing, spans[i]);
  }
}

}  // namespace nopad::text
