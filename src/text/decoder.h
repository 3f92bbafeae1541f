// Decoder: one step on the way from tokens back to text.
#pragma once

#include <string>
#include <vector>

namespace nopad::text {

// One entry of tokenizer.json's "decoder": rewrites, joins or drops tokens. The text is what is left,
// joined without blanks. Implementations are immutable.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

}  // namespace nopad::text
