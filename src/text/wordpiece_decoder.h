// WordPieceDecoder: tokens back to text.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nopad::text {

struct WordPieceDecoder {
  std::string prefix = "##";  // what a token begins with that is glued to the one before
  bool cleanup = true;        // no blank before . ? ! , and in a few English contractions

  std::string decode(std::span<const std::string_view> tokens) const;
};

}  // namespace nopad::text
