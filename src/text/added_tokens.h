// AddedTokens: tokens that are found in a text as they are written, before any model sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/trie.h"

namespace nopad::text {

// As tokenizer.json and tokenizer_config.json describe it.
struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool single_word = false;  // found only where no word character stands beside it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool normalized = false;   // looked for in the normalized text, not in the raw one
  bool special = false;      // left out by decode(), and not found when special tokens are off
};

// A part of a text: an added token, or what stands between two of them.
struct TextPart {
  static constexpr int32_t kNoToken = -1;
  int32_t id = kNoToken;
  size_t begin = 0;
  size_t end = 0;
};

// Finds tokens by their patterns, leftmost first, and of those the longest.
class AddedTokenMatcher {
 public:
  // pattern : what to look for; of two tokens with one pattern the first counts
  void add(std::string pattern, const AddedToken& token);
  // To be called after the last add().
  void finish();

  bool empty() const noexcept { return patterns_.empty(); }
  // The text's parts in order, without empty ones.
  std::vector<TextPart> split(std::string_view text, bool match_special_tokens) const;

 private:
  struct Pattern {
    std::string text;
    AddedToken token;
  };
  bool stands_alone(std::string_view text, size_t begin, size_t end) const noexcept;

  std::vector<Pattern> patterns_;
  Trie trie_;                 // values are indices into patterns_
  bool may_begin_[256] = {};  // whether any pattern begins with a byte
};

}  // namespace nopad::text
