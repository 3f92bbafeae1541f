#include "text/pre_tokenizers/char_splits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "text/class_tables.h"
#include "text/pre_tokenizers/pieces.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

// Each character that is a delimiter is a part of its own.
template <class IsDelimiter>
void split_at(PreTokenizedText& text, Delimiters delimiters, IsDelimiter&& is_delimiter) {
  split_pieces(text, [&](std::string_view piece, auto&& put) {
    std::vector<PatternPart> parts;
    size_t done = 0;
    for (size_t at = 0; at < piece.size();) {
      const auto [c, num_bytes] = decode_utf8(piece, at);
      if (is_delimiter(c)) {
        if (done < at) parts.push_back({done, at, false});
        parts.push_back({at, at + num_bytes, true});
        done = at + num_bytes;
      }
      at += num_bytes;
    }
    if (done < piece.size()) parts.push_back({done, piece.size(), false});
    for (const PatternPart& part : join_parts(std::move(parts), delimiters)) {
      put(part.begin, part.end);
    }
  });
}

// Parts a piece between two characters whose groups differ, and drops those of group `dropped`.
template <class GroupOf, class Group>
void split_by_group(PreTokenizedText& text, GroupOf&& group_of, Group dropped) {
  split_pieces(text, [&](std::string_view piece, auto&& put) {
    size_t begin = 0;
    Group group = dropped;
    for (size_t at = 0; at < piece.size();) {
      const auto [c, num_bytes] = decode_utf8(piece, at);
      if (const Group next = group_of(c); next != group) {
        if (group != dropped) put(begin, at);
        begin = at;
        group = next;
      }
      at += num_bytes;
    }
    if (group != dropped) put(begin, piece.size());
  });
}

bool is_space(char32_t c) noexcept { return is(char_class(c), tables::kSpace); }
bool is_punctuation(char32_t c) noexcept { return is(char_class(c), tables::kPunctuation); }

bool is_digit(char32_t c) noexcept {
  const auto* end = tables::kDigits + tables::kDigitsSize;
  const auto* range =
      std::lower_bound(tables::kDigits, end, c,
                       [](const tables::CodePointRange& r, char32_t v) { return r.last < v; });
  return range != end && range->first <= c;
}

constexpr uint8_t kAnyScript = 0;

uint8_t script_of(char32_t c) noexcept {
  const auto* end = tables::kScripts + tables::kScriptsSize;
  const auto* after =
      std::upper_bound(tables::kScripts, end, c,
                       [](char32_t v, const tables::ScriptStart& s) { return v < s.first; });
  return after == tables::kScripts ? kAnyScript : (after - 1)->script;
}

}  // namespace

void BertPreTokenizer::apply(PreTokenizedText& text) const {
  split_at(text, Delimiters::removed, is_space);
  split_at(text, Delimiters::isolated, is_punctuation);
}

void WhitespaceSplit::apply(PreTokenizedText& text) const {
  split_at(text, Delimiters::removed, is_space);
}

void Whitespace::apply(PreTokenizedText& text) const {
  enum class Group { space, word, other };
  const auto group_of = [](char32_t c) {
    const CharClass char_class = text::char_class(c);
    if (is(char_class, tables::kSpace)) return Group::space;
    return is(char_class, tables::kWord) ? Group::word : Group::other;
  };
  split_by_group(text, group_of, Group::space);
}

void Punctuation::apply(PreTokenizedText& text) const {
  split_at(text, delimiters_, is_punctuation);
}

void Digits::apply(PreTokenizedText& text) const {
  split_at(text, individual_ ? Delimiters::isolated : Delimiters::contiguous, is_digit);
}

void CharDelimiterSplit::apply(PreTokenizedText& text) const {
  split_at(text, Delimiters::removed, [this](char32_t c) { return c == delimiter_; });
}

// Source : `tokenizers` 0.23.3, pre_tokenizers/unicode_scripts
void UnicodeScripts::apply(PreTokenizedText& text) const {
  split_pieces(text, [](std::string_view piece, auto&& put) {
    size_t begin = piece.size();
    uint8_t last = kAnyScript;
    for (size_t at = 0; at < piece.size();) {
      const auto [c, num_bytes] = decode_utf8(piece, at);
      const uint8_t script = script_of(c);
      if (script != kAnyScript && script != last) {
        if (last != kAnyScript) put(begin, at);
        begin = at;
        last = script;
      }
      at += num_bytes;
    }
    put(begin, piece.size());
  });
}

void FixedLength::apply(PreTokenizedText& text) const {
  split_pieces(text, [this](std::string_view piece, auto&& put) {
    size_t begin = 0, num_chars = 0;
    for (size_t at = 0; at < piece.size();) {
      at += decode_utf8(piece, at).num_bytes;
      if (++num_chars < num_chars_) continue;
      put(begin, at);
      begin = at;
      num_chars = 0;
    }
    put(begin, piece.size());
  });
}

}  // namespace nopad::text
