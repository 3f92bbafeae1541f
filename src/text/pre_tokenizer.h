// PreTokenizer: one step that splits a normalized text into pieces, which the model sees one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/normalized_text.h"

namespace nopad::text {

// Bytes [begin, end) of the text.
struct Piece {
  static constexpr int32_t kNoToken = -1;
  size_t begin = 0;
  size_t end = 0;
  int32_t token = kNoToken;  // else an added token's id: no step touches the piece
};

// A text and its pieces: in order, apart from each other, none empty. What lies between two was
// dropped.
struct PreTokenizedText {
  NormalizedText text;
  std::vector<Piece> pieces;
};

// One entry of tokenizer.json's "pre_tokenizer". Some rewrite the text as well (ByteLevel,
// Metaspace). Implementations are immutable.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(PreTokenizedText& text) const = 0;
  // Whether apply() asks where a piece comes from, so that sources must be tracked.
  virtual bool needs_sources() const noexcept { return false; }
};

}  // namespace nopad::text
