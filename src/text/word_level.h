// WordLevel: each piece is a token, or unknown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/token_model.h"

namespace nopad::text {

class WordLevel final : public TokenModel {
 public:
  // unk_token : may be missing from the vocab; then append() needs every piece to be in it
  WordLevel(Vocab vocab, std::string_view unk_token);

  // Throws InputError: a piece that is not in the vocab, and no unknown token.
  void append(std::string_view piece, std::vector<int32_t>& ids,
              std::vector<Piece>* spans) const override;
  const Vocab& vocab() const noexcept override { return vocab_; }
  std::optional<int32_t> unknown_id() const noexcept override { return unk_id_; }
  std::string description() const override;

 private:
  Vocab vocab_;
  std::optional<int32_t> unk_id_;
};

}  // namespace nopad::text
