// The two encoders of byte-level BPE around one small vocab: the fast one and the chain of single steps.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/byte_level_encoder.h"
#include "text/general_encoder.h"
#include "text/pre_tokenizers/byte_level.h"

namespace nopad::test {

// All bytes, and merges that make words, parts of words, blanks and parts of characters.
inline std::unique_ptr<const text::Bpe> make_byte_level_bpe(bool ignore_merges) {
  std::vector<text::VocabEntry> entries;
  const auto add = [&](std::string token) {
    entries.push_back({std::move(token), static_cast<int64_t>(entries.size())});
  };
  for (unsigned byte = 0; byte < 256; ++byte)
    add(text::to_byte_chars(std::string(1, static_cast<char>(byte))));
  const std::pair<const char*, const char*> pairs[] = {
      {"h", "e"},   {" ", "t"},       {"l", "l"},       {"he", "ll"}, {" t", "he"},  {"'", "s"},
      {"1", "2"},   {" ", " "},       {"  ", "  "},     {"a", "b"},   {"b", "a"},    {"a", "a"},
      {"aa", "aa"}, {"\xc3", "\xa9"}, {"\xe4", "\xb8"}, {"\n", "\n"}, {"hell", "o"}, {"!", "!"}};
  std::vector<text::Bpe::Merge> merges;
  for (const auto& [left, right] : pairs) {
    merges.emplace_back(text::to_byte_chars(left), text::to_byte_chars(right));
    add(merges.back().first + merges.back().second);
  }
  add("the");  // a token that no merge makes
  text::Bpe::Config config;
  config.ignore_merges = ignore_merges;
  return std::make_unique<text::Bpe>(text::Vocab::from_entries(std::move(entries), "v"), merges,
                                     std::move(config), "v");
}

struct ByteLevelChains {
  ByteLevelChains(bool add_prefix_space, bool ignore_merges,
                  const std::vector<text::AddedToken>& normalized_tokens = {}) {
    fast = std::make_unique<text::ByteLevelEncoder>(make_byte_level_bpe(ignore_merges),
                                                    add_prefix_space, normalized_tokens);
    text::GeneralEncoder::Steps steps;
    steps.pre_tokenizer = std::make_unique<text::ByteLevelPreTokenizer>(
        text::ByteLevelPreTokenizer::Config{.add_prefix_space = add_prefix_space});
    steps.model = make_byte_level_bpe(ignore_merges);
    general = std::make_unique<text::GeneralEncoder>(std::move(steps), normalized_tokens, "v");
  }

  std::unique_ptr<const text::SegmentEncoder> fast;
  std::unique_ptr<const text::SegmentEncoder> general;
};

}  // namespace nopad::test
