// Decoders for tokens that are bytes: byte-level BPE's characters, and byte fallback's "<0x0A>".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/decoder.h"

namespace nopad::text {

// Each character becomes its byte; all tokens become one. A token with a character that is no byte
// keeps its own bytes. What is not UTF-8 then becomes U+FFFD.
class ByteLevelDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

// Tokens "<0xE5>" in a row become their bytes, or a U+FFFD each if these are not UTF-8.
class ByteFallbackDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override;
};

// The text with each longest part that may begin a character, but isn't one, as U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace nopad::text
