// SegmentEncoder: a normalizer, a pre-tokenizer and a model as one, for text between added tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/tokenizer.h"
#include "text/vocab.h"

namespace nopad::text {

// The one seam between kinds of tokenizers: added tokens, truncation and the frame around texts are
// the same for all. Implementations are immutable.
class SegmentEncoder {
 public:
  virtual ~SegmentEncoder() = default;

  // Appends the ids of a segment and, if `spans` is not null, their bytes in the text that the
  // segment stands in, at `offset`. `segment` must be UTF-8.
  virtual void append(std::string_view segment, size_t offset, bool match_special_tokens,
                      std::vector<int32_t>& ids, std::vector<Span>* spans) const = 0;
  virtual const Vocab& vocab() const noexcept = 0;
  virtual int32_t unknown_id() const noexcept = 0;
  // For people: "WordPiece, 30522 tokens, lower case, accents stripped".
  virtual std::string description() const = 0;
};

}  // namespace nopad::text
