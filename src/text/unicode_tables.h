// What the generated tables hold; unicode.h is how the rest of the module asks them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nopad::text::tables {

// Bits of CharClass::flags, in the order of FLAGS in tools/text/make_unicode_tables.py.
enum Flag : uint8_t {
  kControl = 1,      // dropped by BertNormalizer's clean_text
  kSpace = 2,        // ends a word
  kPunctuation = 4,  // a word of its own
  kChinese = 8,      // a word of its own with handle_chinese_chars
  kMark = 16,        // dropped by strip_accents, once decomposed
  kDecomposes = 32,  // has an entry in kDecompositions
  kLowers = 64,      // has an entry in kLowerCases
  kWord = 128,       // `\w`: keeps a single_word added token beside it from matching
};

struct CharClass {
  uint8_t flags;
  uint8_t rank;  // orders as the canonical combining class does; 0 for a starter
};

// `to` ends with a 0 or after four.
struct Mapping {
  char32_t from;
  char32_t to[4];
};

inline constexpr int kBlockBits = 7;

extern const CharClass kClasses[];
extern const uint16_t kBlockOf[];        // [0x110000 >> kBlockBits]
extern const uint8_t kClassOf[];         // blocks of 1 << kBlockBits, each an index into kClasses
extern const Mapping kDecompositions[];  // sorted by `from`
extern const size_t kDecompositionsSize;
extern const Mapping kLowerCases[];  // sorted by `from`
extern const size_t kLowerCasesSize;

}  // namespace nopad::text::tables
