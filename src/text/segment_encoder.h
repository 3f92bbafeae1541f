// SegmentEncoder: a normalizer, a pre-tokenizer and a model as one, for text between added tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/tokenizer.h"
#include "text/vocab.h"

namespace nopad::text {

// Where tokens come from in a text. Both vectors have one element per token.
struct TokenPlaces {
  std::vector<Span> spans;
  std::vector<int32_t> words;  // rising numbers: one for each word or added token
  int32_t num_words = 0;

  // The tokens since the last call are one word's.
  void end_word() { words.resize(spans.size(), num_words++); }
};

// The one seam between kinds of tokenizers: added tokens, truncation and the frame around texts are
// the same for all. Implementations are immutable.
class SegmentEncoder {
 public:
  virtual ~SegmentEncoder() = default;

  // Appends the ids of a segment and, if `places` is not null, their bytes in the text that the
  // segment stands in, at `offset`. `segment` must be UTF-8.
  virtual void append(std::string_view segment, size_t offset, bool match_special_tokens,
                      std::vector<int32_t>& ids, TokenPlaces* places) const = 0;
  virtual const Vocab& vocab() const noexcept = 0;
  // None: what has no token is dropped, or made of byte tokens.
  virtual std::optional<int32_t> unknown_id() const noexcept = 0;
  // What a token begins with that continues a word, e.g. "##"; empty: none does.
  virtual std::string_view continuing_prefix() const noexcept { return {}; }
  // For people: "WordPiece, 30522 tokens, lower case, accents stripped".
  virtual std::string description() const = 0;
};

}  // namespace nopad::text
