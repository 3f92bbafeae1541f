// NormalizedText: a segment of text while it is rewritten, and the source of each of its bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/source_bytes.h"

namespace nopad::text {

// One character of a rewritten text, and how many of the old characters it stands for.
struct NewChar {
  char32_t value = 0;
  // 1: inserted, it takes the source of the character before it; 0: it replaces the next old
  // character; -n: it replaces the next one, and the n after it are gone.
  int change = 0;
};

// Sources follow those of NormalizedString in the `tokenizers` package 0.23.3, so that spans are
// equal to its. Without sources (no one asked for spans) only the bytes are kept.
class NormalizedText {
 public:
  // segment : UTF-8, that stands at `offset` in the text that sources speak of
  NormalizedText(std::string_view segment, size_t offset, bool tracks_sources);

  std::string_view bytes() const noexcept { return bytes_; }
  bool tracks_sources() const noexcept { return tracks_sources_; }
  // The source of the bytes [begin, end), which is not empty: from the first of the first to the
  // last of the last.
  SourceBytes source(size_t begin, size_t end) const noexcept;
  // The source of what is inserted at a byte: that of the byte before it, or the segment's begin.
  SourceBytes source_before(size_t at) const noexcept;

  // Replaces the bytes [begin, end), whole characters, by `chars`. The first `num_removed` old
  // characters of the range are gone before the first new one is written.
  void transform(size_t begin, size_t end, std::span<const NewChar> chars, size_t num_removed);
  // The same for the whole text.
  void transform(std::span<const NewChar> chars, size_t num_removed = 0);
  // Replaces all: `sources` has one for each byte, or is empty if they are not tracked.
  void assign(std::string bytes, std::vector<SourceBytes> sources) noexcept {
    bytes_ = std::move(bytes);
    sources_ = std::move(sources);
  }

 private:
  void replace_sources(size_t begin, size_t end, std::span<const SourceBytes> sources);

  std::string bytes_;
  size_t offset_;
  std::vector<SourceBytes> sources_;  // of each byte; empty if they are not tracked
  bool tracks_sources_;
};

}  // namespace nopad::text
