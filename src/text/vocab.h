// Vocab: the tokens of a model and their ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/trie.h"

namespace nopad::text {

inline constexpr size_t kMaxTokens = size_t{1} << 22;
inline constexpr size_t kMaxTokenBytes = 1024;
inline constexpr uint64_t kMaxVocabFileBytes = uint64_t{1} << 28;

// A token of a file, with the id that the file gives it.
struct VocabEntry {
  std::string token;
  int64_t id = 0;
};

// Ids may have holes (a token that a file repeats keeps its last id only).
class Vocab {
 public:
  Vocab() = default;
  // The lines of a vocab.txt, whose numbers from 0 are the ids; white space at their ends is cut
  // off. A repeated line keeps its last id, as in the package. Throws FormatError naming `where`
  // and the line: no lines, too many, one that is too long or not UTF-8.
  static Vocab from_lines(std::string_view text, std::string_view where);
  // Throws FormatError naming `where` and the token: none, too many, one that is too long, an id
  // that is negative or beyond kMaxTokens, or two tokens with one id.
  static Vocab from_entries(std::vector<VocabEntry> entries, std::string_view where);

  // The highest id + 1: the rows that an embedding table must have.
  int64_t size() const noexcept { return static_cast<int64_t>(tokens_.size()); }
  std::optional<int32_t> find(std::string_view token) const noexcept;
  bool contains(int64_t id) const noexcept;
  // The token of an id that is contained.
  std::string_view token(int32_t id) const noexcept { return tokens_[static_cast<size_t>(id)]; }
  const Trie& trie() const noexcept { return trie_; }

 private:
  Vocab(std::vector<std::string> tokens, const std::vector<bool>& used);
  std::vector<std::string> tokens_;  // by id
  Trie trie_;
};

}  // namespace nopad::text
