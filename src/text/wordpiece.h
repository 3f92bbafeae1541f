// WordPiece: one word to the ids of its pieces, the longest first from its left.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocab.h"

namespace nopad::text {

class WordPiece {
 public:
  struct Config {
    std::string unk_token = "[UNK]";
    std::string continuing_prefix = "##";  // what a token begins with that continues a word
    int64_t max_word_chars = 100;          // a longer word is unknown
  };
  static constexpr int64_t kMaxWordChars = 1024;

  // Throws FormatError naming `where`: no unknown token in the vocab, or max_word_chars out of
  // range.
  WordPiece(Vocab vocab, Config config, std::string_view where);

  const Vocab& vocab() const noexcept { return vocab_; }
  const Config& config() const noexcept { return config_; }
  int32_t unk_id() const noexcept { return unk_id_; }

  // Appends the word's ids; one unknown token if any part of it is not in the vocab.
  // word : not empty, at most max_word_chars characters
  // ends : if not null, gets where each piece ends in the word's bytes
  void append(std::string_view word, std::vector<int32_t>& ids, std::vector<size_t>* ends) const;

 private:
  Vocab vocab_;
  Config config_;
  int32_t unk_id_;
  bool continues_;            // whether any token has the prefix
  uint32_t continuing_node_;  // where the trie goes on after the prefix
};

}  // namespace nopad::text
