#include "text/normalized_text.h"

#include <algorithm>

#include "text/unicode.h"

namespace nopad::text {
namespace {

// The end of the character that begins at `at`.
size_t char_end(std::string_view text, size_t at) noexcept {
  return at + decode_utf8(text, at).num_bytes;
}

// The end of `count` characters from `at`, or `end` where that comes first.
size_t skip_chars(std::string_view text, size_t at, size_t end, size_t count) noexcept {
  while (count > 0 && at < end) {
    at = char_end(text, at);
    --count;
  }
  return at;
}

}  // namespace

NormalizedText::NormalizedText(std::string_view segment, size_t offset, bool tracks_sources)
    : bytes_(segment), offset_(offset), tracks_sources_(tracks_sources) {
  if (!tracks_sources) return;
  sources_.reserve(segment.size());
  for (size_t at = 0; at < segment.size();) {
    const size_t end = char_end(segment, at);
    sources_.insert(sources_.end(), end - at, {offset + at, offset + end});
    at = end;
  }
}

SourceBytes NormalizedText::source(size_t begin, size_t end) const noexcept {
  return {sources_[begin].begin, sources_[end - 1].end};
}

SourceBytes NormalizedText::source_before(size_t at) const noexcept {
  return at == 0 ? SourceBytes{offset_, offset_} : sources_[at - 1];
}

void NormalizedText::transform(size_t begin, size_t end, std::span<const NewChar> chars,
                               size_t num_removed) {
  std::string bytes;
  std::vector<SourceBytes> sources;
  bytes.reserve(chars.size());
  if (tracks_sources_) sources.reserve(chars.size());
  size_t at = skip_chars(bytes_, begin, end, num_removed);  // of the old text
  for (const NewChar& c : chars) {
    char utf8[4];
    const size_t num_bytes = encode_utf8(c.value, utf8);
    bytes.append(utf8, num_bytes);
    if (!tracks_sources_) continue;
    const bool inserted = c.change > 0 || at >= bytes_.size();
    sources.insert(sources.end(), num_bytes, inserted ? source_before(at) : sources_[at]);
    if (c.change <= 0) at = skip_chars(bytes_, at, end, 1 + static_cast<size_t>(-c.change));
  }
  bytes_.replace(begin, end - begin, bytes);
  if (tracks_sources_) replace_sources(begin, end, sources);
}

void NormalizedText::replace_sources(size_t begin, size_t end,
                                     std::span<const SourceBytes> sources) {
  const auto tail = sources_.begin() + static_cast<std::ptrdiff_t>(end);
  const size_t num_kept = std::min(end - begin, sources.size());
  const auto middle =
      std::copy_n(sources.begin(), num_kept, sources_.begin() + static_cast<std::ptrdiff_t>(begin));
  if (num_kept == sources.size()) {
    sources_.erase(middle, tail);
  } else {
    sources_.insert(tail, sources.begin() + static_cast<std::ptrdiff_t>(num_kept), sources.end());
  }
}

void NormalizedText::transform(std::span<const NewChar> chars, size_t num_removed) {
  transform(0, bytes_.size(), chars, num_removed);
}

}  // namespace nopad::text
