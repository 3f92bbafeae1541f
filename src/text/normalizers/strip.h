// Strip and StripAccents: normalizers that drop characters.
#pragma once

#include <cstdint>

#include "text/normalizer.h"

namespace nopad::text::normalizers {

enum class StripSides : uint8_t { none, left, right, both };

// Drops white space at the ends of the text.
class Strip final : public Normalizer {
 public:
  explicit Strip(StripSides sides) : sides_(sides) {}
  void apply(NormalizedText& text) const override;

 private:
  StripSides sides_;
};

// Drops every mark (general category M) of Unicode 9.0; "é" as one character keeps its accent, so a
// decomposing form stands before it.
class StripAccents final : public Normalizer {
 public:
  void apply(NormalizedText& text) const override;
};

}  // namespace nopad::text::normalizers
