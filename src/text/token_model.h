// TokenModel: from one piece of text to the ids of its tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pre_tokenizer.h"
#include "text/vocab.h"

namespace nopad::text {

// tokenizer.json's "model": BPE, Unigram, WordPiece or WordLevel. Implementations are immutable, and
// safe to use from any number of threads.
class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of a piece, which is not empty, and, if `spans` is not null, their bytes in it.
  virtual void append(std::string_view piece, std::vector<int32_t>& ids,
                      std::vector<Piece>* spans) const = 0;
  virtual const Vocab& vocab() const noexcept = 0;
  // None: what has no token is dropped, or made of byte tokens.
  virtual std::optional<int32_t> unknown_id() const noexcept = 0;
  // What a token begins with that continues a word, e.g. "##"; empty: none does.
  virtual std::string_view continuing_prefix() const noexcept { return {}; }
  // For people: "BPE, 50265 tokens".
  virtual std::string description() const = 0;
};

}  // namespace nopad::text
