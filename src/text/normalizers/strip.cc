#include "text/normalizers/strip.h"

#include <algorithm>

#include "text/normalization_tables.h"
#include "text/normalizers/rewrite.h"
#include "text/unicode.h"

namespace nopad::text::normalizers {
namespace {

std::string_view trim_begin(std::string_view text) noexcept {
  while (!text.empty()) {
    const Decoded c = decode_utf8(text, 0);
    if (!is(char_class(c.value), tables::kSpace)) break;
    text.remove_prefix(c.num_bytes);
  }
  return text;
}

bool is_mark(char32_t c) noexcept {
  const tables::CharRange* const end = tables::kStrippedMarks + tables::kStrippedMarksSize;
  if (c < tables::kStrippedMarks[0].first) return false;
  const auto* range =
      std::lower_bound(tables::kStrippedMarks, end, c,
                       [](const tables::CharRange& r, char32_t value) { return r.last < value; });
  return range != end && range->first <= c;
}

}  // namespace

void Strip::apply(NormalizedText& text) const {
  const std::string_view old = text.bytes();
  std::string_view kept = old;
  if (sides_ == StripSides::left || sides_ == StripSides::both) kept = trim_begin(kept);
  const size_t begin = old.size() - kept.size();
  if (sides_ == StripSides::right || sides_ == StripSides::both) kept = trim_end(kept);
  if (kept.size() == old.size()) return;
  Rewrite rewrite(text);
  rewrite.remove(count_chars(old.substr(0, begin)));
  rewrite.keep(kept);
  rewrite.finish();
}

void StripAccents::apply(NormalizedText& text) const {
  const std::string_view old = text.bytes();
  Rewrite rewrite(text);
  size_t kept = 0;  // the begin of what was not written yet
  for (size_t at = 0; at < old.size();) {
    const Decoded c = decode_utf8(old, at);
    const size_t end = at + c.num_bytes;
    if (is_mark(c.value)) {
      rewrite.keep(old.substr(kept, at - kept));
      rewrite.remove(1);
      kept = end;
    }
    at = end;
  }
  if (kept == 0) return;
  rewrite.keep(old.substr(kept));
  rewrite.finish();
}

}  // namespace nopad::text::normalizers
