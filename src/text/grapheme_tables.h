// What the generated tables say of each code point's place in a grapheme cluster.
#pragma once

#include <cstdint>

namespace nopad::text::tables {

// In the order of CLASSES in tools/text/make_grapheme_tables.py; the names are those of UAX 29.
enum class GraphemeClass : uint8_t {
  other,
  cr,
  lf,
  control,
  extend,
  zwj,
  spacing_mark,
  prepend,
  regional_indicator,
  l,
  v,
  t,
  lv,
  lvt,
  pictographic
};

// Indic_Conjunct_Break, in the order of CONJUNCTS there.
enum class Conjunct : uint8_t { none, consonant, linker, extend };

inline constexpr int kGraphemeBlockBits = 7;

extern const uint8_t kGraphemeBlockOf[];  // [0x110000 >> kGraphemeBlockBits]
// Blocks of 1 << kGraphemeBlockBits: the class in the low four bits, the conjunct above them.
extern const uint8_t kGraphemeClassOf[];

}  // namespace nopad::text::tables
