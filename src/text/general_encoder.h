// GeneralEncoder: any normalizer, pre-tokenizer and model, one after the other.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/segment_encoder.h"
#include "text/token_model.h"

namespace nopad::text {

class GeneralEncoder final : public SegmentEncoder {
 public:
  struct Steps {
    std::unique_ptr<const Normalizer> normalizer;       // null: none
    std::unique_ptr<const PreTokenizer> pre_tokenizer;  // null: none
    std::unique_ptr<const TokenModel> model;
  };
  // normalized_tokens : added tokens that are looked for in the normalized text
  // Throws FormatError naming `where`: one of them normalizes to nothing.
  GeneralEncoder(Steps steps, const std::vector<AddedToken>& normalized_tokens,
                 std::string_view where);

  void append(std::string_view segment, size_t offset, bool match_special_tokens,
              std::vector<int32_t>& ids, TokenPlaces* places) const override;
  const Vocab& vocab() const noexcept override { return steps_.model->vocab(); }
  std::optional<int32_t> unknown_id() const noexcept override { return steps_.model->unknown_id(); }
  std::string_view continuing_prefix() const noexcept override {
    return steps_.model->continuing_prefix();
  }
  std::string description() const override { return steps_.model->description(); }

 private:
  PreTokenizedText pre_tokenize(std::string_view segment, size_t offset, bool match_special_tokens,
                                bool with_spans) const;

  Steps steps_;
  AddedTokenMatcher normalized_tokens_;
};

}  // namespace nopad::text
