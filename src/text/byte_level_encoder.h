// ByteLevelEncoder: byte-level BPE (GPT-2's, RoBERTa's) in one pass over a segment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/segment_encoder.h"

namespace nopad::text {

// Words that are tokens by themselves, from their bytes to the token. A hash table in one block.
class WordTable {
 public:
  static constexpr int32_t kNone = -1;

  // words : each once
  explicit WordTable(const std::vector<std::pair<std::string, int32_t>>& words);
  // The token of a word, or kNone.
  int32_t find(std::string_view word) const noexcept;

 private:
  struct Entry {
    uint32_t hash = 0;
    int32_t id = kNone;
    uint32_t begin = 0;  // in bytes_
    uint32_t size = 0;
  };
  std::vector<Entry> entries_;  // its size is a power of two
  std::string bytes_;
};

// Equal to GeneralEncoder with no normalizer, ByteLevelPreTokenizer and the same model; most words of
// a text are tokens by themselves, and a single look-up finds these.
class ByteLevelEncoder final : public SegmentEncoder {
 public:
  // Whether this encoder does what the model says: it must know each byte, and nothing may be put
  // before or after parts of words.
  static bool supports(const Bpe& model);

  // normalized_tokens : added tokens that are looked for after all other ones
  ByteLevelEncoder(std::unique_ptr<const Bpe> model, bool add_prefix_space,
                   const std::vector<AddedToken>& normalized_tokens);

  void append(std::string_view segment, size_t offset, bool match_special_tokens,
              std::vector<int32_t>& ids, TokenPlaces* places) const override;
  const Vocab& vocab() const noexcept override { return model_->vocab(); }
  std::optional<int32_t> unknown_id() const noexcept override { return model_->unknown_id(); }
  std::string description() const override;

 private:
  void append_part(std::string_view part, size_t offset, std::vector<int32_t>& ids,
                   TokenPlaces* places) const;
  void merge(std::string_view word, std::vector<BpeSymbol>& symbols) const;
  WordTable make_words() const;

  std::unique_ptr<const Bpe> model_;
  bool add_prefix_space_;
  AddedTokenMatcher normalized_tokens_;
  std::vector<int32_t> byte_ids_;
  WordTable words_;
};

}  // namespace nopad::text
