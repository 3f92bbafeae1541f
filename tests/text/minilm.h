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
  PipelineParts parts = make_bert_parts(Vocab::from_lines(read_minilm_vocab(), "vocab.txt"),
                                        make_bert_names(), FrameKind::bert, "vocab.txt");
  parts.bert_normalizer = config;
  return Tokenizer(build_pipeline(std::move(parts), "vocab.txt"));
}

}  // namespace nopad::text
