// BertNormalizer: text to cleaned, accent-free, lower-cased characters, each with the source it
// came from.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/source_bytes.h"
#include "text/unicode.h"

namespace nopad::text {

// Combining marks since the last starter. They wait here because canonical ordering may swap them.
class PendingMarks {
 public:
  bool empty() const noexcept { return marks_.empty(); }
  // opens_source : whether it is the first character that its source decomposed to
  void push(char32_t c, CharClass char_class, bool opens_source, SourceBytes source) {
    any_kept_ |= !is(char_class, tables::kMark);
    marks_.push_back({c, char_class, opens_source, source});
  }
  // Calls emit(character, source) for the marks that accent stripping keeps, in canonical order.
  template <class Emit>
  void flush(Emit&& emit) {
    if (any_kept_) flush_kept(emit);
    marks_.clear();
    any_kept_ = false;
  }

 private:
  struct Mark {
    char32_t value;
    CharClass char_class;
    bool opens_source;
    SourceBytes source;
  };

  // As the package does it, sources keep the order of the text while the marks change theirs: the
  // n-th mark that opens a source takes the n-th such source, and the others that of the mark
  // before.
  template <class Emit>
  void flush_kept(Emit&& emit) {
    std::vector<SourceBytes> sources;
    for (const Mark& mark : marks_) {
      if (mark.opens_source) sources.push_back(mark.source);
    }
    std::stable_sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) {
      return a.char_class.rank < b.char_class.rank;
    });
    SourceBytes source = marks_.front().source;
    size_t num_opened = 0;
    for (const Mark& mark : marks_) {
      if (mark.opens_source) source = sources[num_opened++];
      if (!is(mark.char_class, tables::kMark)) emit(mark.value, source);
    }
  }

  std::vector<Mark> marks_;
  bool any_kept_ = false;
};

// Source : `tokenizers` 0.23.3, normalizers/bert.rs: clean, space Chinese characters, NFD and strip
//          marks, lower-case, in this order, one character at a time.
class BertNormalizer {
 public:
  struct Config {
    bool clean_text = true;             // drop control characters, make every white space a blank
    bool handle_chinese_chars = true;   // blanks around CJK ideographs
    std::optional<bool> strip_accents;  // none: as `lowercase`
    bool lowercase = true;
  };

  explicit BertNormalizer(const Config& config) : config_(config) {
    for (char32_t c = 0; c < ascii_.size(); ++c) {
      const CharClass char_class = text::char_class(c);
      const bool blank = config.clean_text && is(char_class, tables::kSpace);
      const char32_t kept = blank ? U' ' : config.lowercase ? lower_case(c).values[0] : c;
      const bool dropped = config.clean_text && is(char_class, tables::kControl);
      ascii_[c] = dropped ? kDropped : static_cast<int8_t>(kept);
    }
  }
  const Config& config() const noexcept { return config_; }

  // Calls sink.put_ascii(char, source) and sink.put(code point, class, source) for each character
  // of the normalized text. `text` must be UTF-8; sources count from `offset`.
  template <class Sink>
  void run(std::string_view text, size_t offset, Sink& sink) const {
    PendingMarks marks;
    const auto emit = [&](char32_t c, SourceBytes source) { put_lower(c, source, sink); };
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte < 0x80) {
        const SourceBytes source{offset + at, offset + at + 1};
        ++at;
        if (ascii_[byte] == kDropped) continue;
        if (!marks.empty()) marks.flush(emit);
        sink.put_ascii(static_cast<char>(ascii_[byte]), source);
      } else {
        const auto [c, num_bytes] = decode_utf8(text, at);
        put_beyond_ascii(c, {offset + at, offset + at + num_bytes}, marks, sink);
        at += num_bytes;
      }
    }
    marks.flush(emit);
  }

 private:
  static constexpr int8_t kDropped = -1;

  template <class Sink>
  void put_beyond_ascii(char32_t c, SourceBytes source, PendingMarks& marks, Sink& sink) const {
    const auto emit = [&](char32_t mark, SourceBytes from) { put_lower(mark, from, sink); };
    const CharClass char_class = text::char_class(c);
    if (config_.clean_text && is(char_class, tables::kControl)) return;
    const bool blank = config_.clean_text && is(char_class, tables::kSpace);
    const bool chinese = config_.handle_chinese_chars && is(char_class, tables::kChinese);
    if (blank || chinese) {
      marks.flush(emit);
      sink.put_ascii(' ', source);
      if (blank) return;
    }
    put_stripped(c, source, marks, sink);
    if (chinese) sink.put_ascii(' ', source);
  }

  template <class Sink>
  void put_stripped(char32_t c, SourceBytes source, PendingMarks& marks, Sink& sink) const {
    if (!config_.strip_accents.value_or(config_.lowercase)) return put_lower(c, source, sink);
    const auto emit = [&](char32_t mark, SourceBytes from) { put_lower(mark, from, sink); };
    const CodePoints parts = decompose(c);
    for (const char32_t& part : parts) {
      const CharClass char_class = text::char_class(part);
      if (char_class.rank != 0) {
        marks.push(part, char_class, &part == parts.begin(), source);
        continue;
      }
      marks.flush(emit);
      if (!is(char_class, tables::kMark)) put_lower(part, source, sink);
    }
  }

  template <class Sink>
  void put_lower(char32_t c, SourceBytes source, Sink& sink) const {
    if (!config_.lowercase) return sink.put(c, char_class(c), source);
    for (const char32_t part : lower_case(c)) sink.put(part, char_class(part), source);
  }

  Config config_;
  std::array<int8_t, 128> ascii_{};
};

}  // namespace nopad::text
