// Normalizer: one step that rewrites a text before it is split.
#pragma once

#include "text/normalized_text.h"

namespace nopad::text {

// One entry of tokenizer.json's "normalizer". Implementations are immutable.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalizedText& text) const = 0;
};

}  // namespace nopad::text
