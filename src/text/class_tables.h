// What the generated class tables hold; byte_level.h and the pre-tokenizers are how one asks them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nopad::text::tables {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// From `first` to the next entry's, characters have this script; 0 goes with any.
struct ScriptStart {
  char32_t first;
  uint8_t script;
};

// All sorted.
extern const CodePointRange kLetters[];  // \p{L} of ByteLevel's pattern
extern const size_t kLettersSize;
extern const CodePointRange kNumbers[];  // \p{N} of ByteLevel's pattern
extern const size_t kNumbersSize;
extern const CodePointRange kDigits[];  // what Digits splits off, by a newer Unicode
extern const size_t kDigitsSize;
extern const ScriptStart kScripts[];
extern const size_t kScriptsSize;

}  // namespace nopad::text::tables
