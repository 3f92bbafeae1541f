// Prepend: a normalizer that puts a string before the text.
#pragma once

#include <string>
#include <string_view>

#include "text/normalizer.h"

namespace nopad::text::normalizers {

// The new characters take the source of the text's first one; an empty text stays empty.
class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string_view content) : content_(content) {}
  void apply(NormalizedText& text) const override;

 private:
  std::string content_;
};

}  // namespace nopad::text::normalizers
