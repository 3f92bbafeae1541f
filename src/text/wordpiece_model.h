// WordPieceModel: WordPiece behind any normalizer and pre-tokenizer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "text/token_model.h"
#include "text/wordpiece.h"

namespace nopad::text {

class WordPieceModel final : public TokenModel {
 public:
  explicit WordPieceModel(WordPiece pieces) : pieces_(std::move(pieces)) {}

  void append(std::string_view piece, std::vector<int32_t>& ids,
              std::vector<Piece>* spans) const override;
  const Vocab& vocab() const noexcept override { return pieces_.vocab(); }
  std::optional<int32_t> unknown_id() const noexcept override { return pieces_.unk_id(); }
  std::string_view continuing_prefix() const noexcept override {
    return pieces_.config().continuing_prefix;
  }
  std::string description() const override;

  // For an encoder that does more than one step at a time; nothing is left here.
  WordPiece release() noexcept { return std::move(pieces_); }

 private:
  WordPiece pieces_;
};

}  // namespace nopad::text
