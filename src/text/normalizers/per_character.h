// Lowercase, Nmt and ByteLevel: normalizers that look at one character at a time.
#pragma once

#include "text/normalizer.h"

namespace nopad::text::normalizers {

// Each character's full lower case, without regard to its neighbours ("Σ" at the end of a word is
// "σ", "İ" two characters).
class Lowercase final : public Normalizer {
 public:
  void apply(NormalizedText& text) const override;
};

// What neural machine translation took for noise: control characters are dropped, and line ends,
// zero-width and replacement characters are blanks.
class Nmt final : public Normalizer {
 public:
  void apply(NormalizedText& text) const override;
};

// Each byte becomes the visible character that stands for it.
class ByteLevel final : public Normalizer {
 public:
  void apply(NormalizedText& text) const override;
};

}  // namespace nopad::text::normalizers
