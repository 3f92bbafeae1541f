// Fuzzes what a model directory says of its tokenizer: tokenizer.json, tokenizer_config.json,
// vocab.txt.
//
// The first byte chooses the file. Whatever loads must encode and decode; nothing but nopad's
// errors may be thrown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/json.h"
#include "nopad/core/error.h"
#include "text/pipeline.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace {

using nopad::text::BertParts;
using nopad::text::Tokenizer;

BertParts parse(uint8_t choice, std::string_view content) {
  BertParts parts;
  if (choice % 3 == 0) {
    parts = nopad::text::parse_tokenizer_json(nopad::io::parse_json(content, "f"), "f");
  } else if (choice % 3 == 1) {
    parts.vocab = nopad::text::Vocab::from_lines(content, "f");
  } else {
    parts.vocab = nopad::text::Vocab::from_lines("[UNK]\n[CLS]\n[SEP]\na\n##b\n", "f");
    const auto config =
        nopad::text::parse_tokenizer_config(nopad::io::parse_json(content, "f"), "f");
    parts.names = config.names;
    parts.normalizer = config.normalizer.value_or(parts.normalizer);
    parts.added_tokens = config.added_tokens;
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const Tokenizer tokenizer(nopad::text::build_bert(parse(data[0], content), "f"));
    const auto encoding = tokenizer.encode_pair("a ab [SEP] caf\u00e9", "\u4e2d x");
    if (tokenizer.decode(encoding.ids).size() > 4096 * encoding.ids.size()) __builtin_trap();
    for (const int32_t id : encoding.ids) {
      if (id < 0 || id >= tokenizer.vocab_size()) __builtin_trap();
    }
  } catch (const nopad::Error&) {
  }
  return 0;
}
