// The recorded vocabulary of all-MiniLM-L6-v2, and tokenizers made of it.
#pragma once

#include <memory>
#include <string>

#include "nopad/io/file.h"
#include "text/pipeline.h"

namespace nopad::text {

inline std::string read_minilm_vocab() {
  return io::read_file(NOPAD_TEST_DATA "/text/minilm/vocab.txt", kMaxVocabFileBytes);
}

inline Tokenizer make_minilm(const BertNormalizer::Config& config = {}) {
  BertParts parts;
  parts.normalizer = config;
  parts.vocab = Vocab::from_lines(read_minilm_vocab(), "vocab.txt");
  return Tokenizer(build_bert(std::move(parts), "vocab.txt"));
}

}  // namespace nopad::text
