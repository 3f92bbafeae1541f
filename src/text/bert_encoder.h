// BertEncoder: BERT's normalizer, word splitting and WordPiece in one pass over a segment.
#pragma once

#include <optional>
#include <vector>

#include "text/added_tokens.h"
#include "text/bert_normalizer.h"
#include "text/segment_encoder.h"
#include "text/wordpiece.h"

namespace nopad::text {

class BertEncoder final : public SegmentEncoder {
 public:
  // normalized_tokens : added tokens that are looked for in the normalized text
  // Throws FormatError naming `where`: one of them normalizes to nothing.
  BertEncoder(const BertNormalizer& normalizer, WordPiece model,
              const std::vector<AddedToken>& normalized_tokens, std::string_view where);

  void append(std::string_view segment, size_t offset, bool match_special_tokens,
              std::vector<int32_t>& ids, TokenPlaces* places) const override;
  const Vocab& vocab() const noexcept override { return model_.vocab(); }
  std::optional<int32_t> unknown_id() const noexcept override { return model_.unk_id(); }
  std::string_view continuing_prefix() const noexcept override {
    return model_.config().continuing_prefix;
  }
  std::string description() const override;

 private:
  void append_around_tokens(std::string_view segment, size_t offset, bool match_special_tokens,
                            std::vector<int32_t>& ids, TokenPlaces* places) const;

  BertNormalizer normalizer_;
  WordPiece model_;
  AddedTokenMatcher normalized_tokens_;
};

}  // namespace nopad::text
