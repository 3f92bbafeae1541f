// Precompiled: the normalizer that sentencepiece's models bring along.
#pragma once

#include <utility>

#include "text/charsmap.h"
#include "text/normalizer.h"

namespace nopad::text::normalizers {

// Replaces a grapheme cluster of less than six bytes by the shortest rule that it begins with, marks
// behind that included; the characters of other clusters by their own rules.
// Source : `tokenizers` 0.23.3, normalizers/precompiled.rs. sentencepiece knows no clusters and takes
//          the longest rule, so "ﬁ" with an accent loses it here and keeps it there.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(Charsmap charsmap) : charsmap_(std::move(charsmap)) {}
  void apply(NormalizedText& text) const override;

 private:
  Charsmap charsmap_;
};

}  // namespace nopad::text::normalizers
