// BERT's tokenizer written down plainly, pass by pass, as the specification of the fast one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/text/tokenizer.h"
#include "text/bert_normalizer.h"

namespace nopad::text::reference {

// A character of the normalized text and the bytes of the raw text that it came from.
struct Char {
  char32_t value;
  SourceBytes source;
};

// Every pass of the normalizer makes a new text out of the whole one before.
std::vector<Char> normalize(std::string_view text, const BertNormalizer::Config& config);
// The words of a normalized text.
std::vector<std::vector<Char>> split_words(const std::vector<Char>& text);

struct Tokens {
  std::vector<int32_t> ids;
  std::vector<Span> spans;
};
// Tries every end of every piece, from the longest.
Tokens encode(std::string_view text, const BertNormalizer::Config& config,
              const std::map<std::string, int32_t>& vocab);

}  // namespace nopad::text::reference
