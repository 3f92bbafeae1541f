#include "text/normalizers/precompiled.h"

#include <optional>

#include "text/grapheme_breaks.h"
#include "text/normalizers/rewrite.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {
namespace {

constexpr size_t kMaxClusterBytes = 5;  // of one that is replaced as a whole

bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

// Whether text[at] is a cluster by itself, as far as ASCII tells.
bool stands_alone(std::string_view text, size_t at) noexcept {
  return is_ascii(text[at]) && (at + 1 == text.size() || is_ascii(text[at + 1])) &&
         text[at] != '\r';
}

}  // namespace

void Precompiled::apply(NormalizedText& text) const {
  const std::string_view old = text.bytes();
  Rewrite rewrite(text);
  size_t kept = 0;  // the begin of what was not written yet
  const auto replace = [&](size_t begin, size_t end, size_t num_chars, std::string_view content) {
    rewrite.keep(old.substr(kept, begin - kept));
    rewrite.replace(num_chars, content);
    kept = end;
  };
  for (size_t at = 0; at < old.size();) {
    if (stands_alone(old, at) && !charsmap_.changes_ascii(old[at])) {
      ++at;
      continue;
    }
    const size_t end = grapheme_end(old, at);
    const std::string_view cluster = old.substr(at, end - at);
    if (const auto content =
            cluster.size() <= kMaxClusterBytes ? charsmap_.find(cluster) : std::nullopt) {
      replace(at, end, count_chars(cluster), *content);
      at = end;
    }
    while (at < end) {
      const size_t num_bytes = decode_utf8(old, at).num_bytes;
      const auto content = charsmap_.find(old.substr(at, num_bytes));
      if (content) replace(at, at + num_bytes, 1, *content);
      at += num_bytes;
    }
  }
  if (kept == 0) return;
  rewrite.keep(old.substr(kept));
  rewrite.finish();
}

}  // namespace nopad::text::normalizers
