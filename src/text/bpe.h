// Bpe: byte pair encoding, which merges neighbours in the order in which training found them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/token_model.h"

namespace nopad::text {

// A token of a word while it is merged.
struct BpeSymbol {
  int32_t id = 0;
  uint32_t num_bytes = 0;  // of the word
};

// Source : `tokenizers` 0.23.3, models/bpe. Its dropout, which makes tokens random, is for training
//          tokenizers only and is refused by the loader.
class Bpe final : public TokenModel {
 public:
  struct Config {
    std::optional<std::string> unk_token = {};
    std::string continuing_prefix = {};  // what a token begins with that continues a word
    std::string end_suffix = {};         // what a token ends with that ends a word
    bool fuse_unk = false;               // unknown characters in a row are one token
    bool byte_fallback = false;  // they are tokens of bytes, "<0x0A>", if all of these exist
    bool ignore_merges = false;  // a word that is a token stays whole
  };
  // A pair of tokens; its rank is its place in the list.
  using Merge = std::pair<std::string, std::string>;

  // Throws FormatError naming `where` and the merge: a token that is not in the vocab, or whose result
  //        is not. An unk_token that is not in the vocab is an error where it is needed.
  Bpe(Vocab vocab, const std::vector<Merge>& merges, Config config, std::string_view where);

  // Edge   : a character without a token is dropped if there is no unknown token. As in the package,
  //          spans then lag behind by its bytes.
  // Throws : InputError, a character without a token where the unknown token is not in the vocab
  // Cost   : n log n in the length n of the piece
  void append(std::string_view piece, std::vector<int32_t>& ids,
              std::vector<Piece>* spans) const override;
  const Vocab& vocab() const noexcept override { return vocab_; }
  std::optional<int32_t> unknown_id() const noexcept override { return unk_id_; }
  std::string_view continuing_prefix() const noexcept override { return config_.continuing_prefix; }
  std::string description() const override;

  const Config& config() const noexcept { return config_; }
  // Merges a word's symbols, in place: always the pair of the lowest rank, of equal ones the first.
  void merge(std::vector<BpeSymbol>& symbols) const;

 private:
  struct Merged {
    uint64_t pair = kNoPair;
    uint32_t rank = 0;
    int32_t id = 0;
  };
  class Queue;
  static constexpr uint64_t kNoPair = ~uint64_t{0};

  void add_merge(const Merge& merge, uint32_t rank, std::string_view where);
  Merged& slot(uint64_t pair) noexcept;
  // What two neighbours become, or null.
  const Merged* find(int32_t left, int32_t right) const noexcept;
  void merge_short(std::vector<BpeSymbol>& symbols) const;
  void merge_long(std::vector<BpeSymbol>& symbols) const;
  std::vector<BpeSymbol> split(std::string_view word) const;
  bool append_bytes(std::string_view text, std::vector<BpeSymbol>& symbols) const;

  Vocab vocab_;
  Config config_;
  std::optional<int32_t> unk_id_;
  std::vector<int32_t> byte_ids_;  // of "<0x00>" to "<0xFF>", or -1
  std::vector<Merged> merged_;     // a hash table; its size is a power of two
};

}  // namespace nopad::text
