// Fuzzes what a model directory says of its tokenizer: tokenizer.json, tokenizer_config.json,
// vocab.txt, merges.txt.
//
// The first byte chooses the file. Whatever loads must encode and decode; nothing but nopad's
// errors may be thrown.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/text/padding.h"
#include "text/pipeline.h"
#include "text/roberta_files.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"

namespace {

using namespace nopad::text;

PipelineParts parse(uint8_t choice, std::string_view content) {
  if (choice % 4 == 0) return parse_tokenizer_json(nopad::io::parse_json(content, "f"), "f");
  if (choice % 4 == 1) {
    return make_bert_parts(Vocab::from_lines(content, "f"), make_bert_names(), FrameKind::bert,
                           "f");
  }
  if (choice % 4 == 2) {
    const auto vocab = nopad::io::parse_json(
        R"({"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4, "\u0120": 5, "\u0120ab": 6})", "f");
    return make_roberta_parts(vocab, parse_merges_txt(content, "f"), make_roberta_names(), true,
                              "f");
  }
  const auto config = parse_tokenizer_config(nopad::io::parse_json(content, "f"), "f");
  PipelineParts parts =
      make_bert_parts(Vocab::from_lines("[UNK]\n[CLS]\n[SEP]\na\n##b\n<s>\n</s>\n<unk>\n", "f"),
                      fill_names(config.names, config.family), FrameKind::roberta, "f");
  if (config.normalizer) parts.bert_normalizer = config.normalizer;
  parts.added_tokens = config.added_tokens;
  return parts;
}

void expect(bool condition) {
  if (!condition) __builtin_trap();
}

void expect_sane(const Tokenizer& tokenizer, const Encoding& encoding, size_t text_size) {
  expect(encoding.spans.size() == encoding.size() && encoding.sources.size() == encoding.size());
  for (size_t i = 0; i < encoding.size(); ++i) {
    expect(encoding.ids[i] >= 0 && encoding.ids[i] < tokenizer.vocab_size());
    const Span span = encoding.spans[i];
    expect(span.begin >= 0 && span.end >= 0 && span.end <= static_cast<int64_t>(text_size));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::string_view kText = "a ab [SEP]  caf\u00e9 12,3\u2581\n\u4e2d\U0001f600";
  try {
    const Tokenizer tokenizer(build_pipeline(parse(data[0], content), "f"));
    const Encoding encoding = tokenizer.encode_pair(kText, kText);
    expect_sane(tokenizer, encoding, kText.size());
    expect(tokenizer.decode(encoding.ids).size() <= 4096 * encoding.ids.size());
    for (const Encoding& window :
         tokenizer.encode_windows(kText, tokenizer.stored_truncation().value_or(EncodeOptions{}))) {
      expect_sane(tokenizer, window, kText.size());
    }
  } catch (const nopad::Error&) {
  }
  return 0;
}
