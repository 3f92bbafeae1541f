// UnigramModel: the most likely cut of a piece into tokens, each of which has a score.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/token_model.h"

namespace nopad::text {

struct UnigramPiece {
  std::string token;
  double score = 0;
};

// tokenizer.json's "Unigram", and sentencepiece's.
// Scores are summed in double, from the left; of equal sums the first found counts. A character that
// no token covers is unknown, at the lowest score less 10, and unknown ones in a row are one token.
// Source : `tokenizers` 0.23.3, models/unigram/model.rs (sentencepiece sums in float, so a few ties
//          fall differently there).
class UnigramModel final : public TokenModel {
 public:
  // pieces        : a piece's place is its id; of equal pieces the last one is found, as in the
  //                 package
  // unk_id        : none makes a text with an unknown character an error
  // byte_fallback : unknown characters become the tokens "<0x00>" to "<0xFF>" of their bytes, if the
  //                 vocab has all that are needed
  // Throws FormatError naming `where`: no pieces, too many, one that is too long or not UTF-8, a
  //        score that is not a finite number, unk_id that is no piece's.
  static UnigramModel from_pieces(std::vector<UnigramPiece> pieces, std::optional<int64_t> unk_id,
                                  bool byte_fallback, std::string_view where);

  // Throws InputError: a character without a token, where unk_id is none.
  // Cost : linear in the length of the piece times that of the longest token
  void append(std::string_view piece, std::vector<int32_t>& ids,
              std::vector<Piece>* spans) const override;
  const Vocab& vocab() const noexcept override { return vocab_; }
  std::optional<int32_t> unknown_id() const noexcept override { return unk_id_; }
  std::string description() const override;

 private:
  struct Output;
  UnigramModel() = default;
  int32_t expect_unknown_id(std::string_view piece, size_t at) const;
  void put_unknown(std::string_view piece, Piece span, const Output& out) const;

  Vocab vocab_;
  DoubleArray trie_;
  std::vector<double> scores_;  // by id
  std::optional<int32_t> unk_id_;
  double unk_score_ = 0;
  std::optional<std::array<int32_t, 256>> byte_ids_;  // none without byte_fallback; -1: no token
};

}  // namespace nopad::text
