#include "text/grapheme_breaks.h"

#include "text/grapheme_tables.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

using tables::Conjunct;
using tables::GraphemeClass;

struct BreakClass {
  GraphemeClass grapheme;
  Conjunct conjunct;
};

BreakClass break_class(char32_t c) noexcept {
  constexpr char32_t kInBlock = (1u << tables::kGraphemeBlockBits) - 1;
  const size_t block = tables::kGraphemeBlockOf[c >> tables::kGraphemeBlockBits];
  const uint8_t both =
      tables::kGraphemeClassOf[(block << tables::kGraphemeBlockBits) | (c & kInBlock)];
  return {static_cast<GraphemeClass>(both & 15), static_cast<Conjunct>(both >> 4)};
}

bool is_control(GraphemeClass c) noexcept {
  return c == GraphemeClass::control || c == GraphemeClass::cr || c == GraphemeClass::lf;
}

// GB6 to GB8.
bool joins_syllable(GraphemeClass before, GraphemeClass after) noexcept {
  using enum GraphemeClass;
  switch (before) {
    case l: return after == l || after == v || after == lv || after == lvt;
    case lv:
    case v: return after == v || after == t;
    case lvt:
    case t: return after == t;
    default: return false;
  }
}

// What the cluster so far says of its next character.
class Cluster {
 public:
  explicit Cluster(BreakClass first) noexcept : last_(first) { note(first); }

  bool takes(BreakClass next) const noexcept {
    using enum GraphemeClass;
    if (last_.grapheme == cr && next.grapheme == lf) return true;                  // GB3
    if (is_control(last_.grapheme) || is_control(next.grapheme)) return false;     // GB4, GB5
    if (joins_syllable(last_.grapheme, next.grapheme)) return true;                // GB6 to GB8
    if (next.grapheme == extend || next.grapheme == zwj) return true;              // GB9
    if (next.grapheme == spacing_mark || last_.grapheme == prepend) return true;   // GB9a, GB9b
    if (conjunct_ == linked && next.conjunct == Conjunct::consonant) return true;  // GB9c
    if (picture_ == joined && next.grapheme == pictographic) return true;          // GB11
    return next.grapheme == regional_indicator && num_indicators_ % 2 == 1;        // GB12, GB13
  }
  void add(BreakClass next) noexcept {
    last_ = next;
    note(next);
  }

 private:
  enum Picture : uint8_t { no_picture, open, joined };
  enum Linking : uint8_t { no_consonant, consonant, linked };

  void note(BreakClass c) noexcept {
    using enum GraphemeClass;
    num_indicators_ = c.grapheme == regional_indicator ? num_indicators_ + 1 : 0;
    if (c.grapheme == pictographic) {
      picture_ = open;
    } else if (picture_ == open && c.grapheme == zwj) {
      picture_ = joined;
    } else if (picture_ != open || c.grapheme != extend) {
      picture_ = no_picture;
    }
    if (c.conjunct == Conjunct::consonant) {
      conjunct_ = consonant;
    } else if (c.conjunct == Conjunct::linker && conjunct_ != no_consonant) {
      conjunct_ = linked;
    } else if (c.conjunct != Conjunct::extend) {
      conjunct_ = no_consonant;
    }
  }

  BreakClass last_;
  Picture picture_ = no_picture;
  Linking conjunct_ = no_consonant;
  int num_indicators_ = 0;  // at the end, in a row
};

}  // namespace

size_t grapheme_end(std::string_view text, size_t begin) noexcept {
  const Decoded first = decode_utf8(text, begin);
  size_t end = begin + first.num_bytes;
  if (end == text.size()) return end;
  Cluster cluster(break_class(first.value));
  while (end < text.size()) {
    const Decoded next = decode_utf8(text, end);
    const BreakClass next_class = break_class(next.value);
    if (!cluster.takes(next_class)) break;
    cluster.add(next_class);
    end += next.num_bytes;
  }
  return end;
}

}  // namespace nopad::text
