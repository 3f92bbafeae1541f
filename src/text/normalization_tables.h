// What the generated tables hold for the Unicode forms, beside unicode_tables.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nopad::text::tables {

// A compatibility decomposition: `size` values of kCompatibilityChars from `begin`.
struct LongMapping {
  char32_t from;
  uint16_t begin;
  uint16_t size;
};

struct Composition {
  char32_t second, first, composed;
};

struct CharRange {
  char32_t first, last;
};

extern const char32_t kCompatibilityChars[];
extern const LongMapping kCompatibilities[];  // sorted by `from`; none of the canonical ones
extern const size_t kCompatibilitiesSize;
extern const Composition kCompositions[];  // sorted by `second`, then `first`; no Hangul
extern const size_t kCompositionsSize;
extern const CharRange kStrippedMarks[];  // sorted
extern const size_t kStrippedMarksSize;

}  // namespace nopad::text::tables
