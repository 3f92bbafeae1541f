// Fuzzes encoding: arbitrary bytes either are refused as not UTF-8 or give what the reference
// gives.
//
// The first byte holds the normalizer's settings. Spans lie in the text and never fall.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/bert_encoder.h"
#include "text/bert_reference.h"
#include "text/unicode.h"

namespace {

using namespace nopad::text;

std::map<std::string, int32_t> make_vocab() {
  std::map<std::string, int32_t> vocab;
  for (const char* token :
       {"[UNK]", "a", "b", "un", "##a", "##b", "##aff", "e", "##e", ".", "\u4e2d", "\u1100",
        "##\u1161", "\u00e9", "##\u0301", "i", "##i", "\u302e", "##\u302e"}) {
    vocab.emplace(token, static_cast<int32_t>(vocab.size()));
  }
  return vocab;
}

BertEncoder make_encoder(const BertNormalizer::Config& config,
                         const std::map<std::string, int32_t>& vocab) {
  std::vector<VocabEntry> entries;
  for (const auto& [token, id] : vocab) entries.push_back({token, id});
  return {BertNormalizer(config),
          WordPiece(Vocab::from_entries(std::move(entries), "f"), {}, "f"),
          {},
          "f"};
}

void expect(bool condition) {
  if (!condition) __builtin_trap();
}

void expect_ordered(const std::vector<Span>& spans, size_t text_size) {
  int64_t begin = 0, end = 0;
  for (const Span& span : spans) {
    expect(span.begin >= begin && span.end >= end && span.begin < span.end);
    expect(span.end <= static_cast<int64_t>(text_size));
    begin = span.begin;
    end = span.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;  // the reference sorts marks in quadratic time
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (find_invalid_utf8(text) < text.size()) return 0;
  BertNormalizer::Config config;
  config.clean_text = (data[0] & 1) == 0;
  config.handle_chinese_chars = (data[0] & 2) == 0;
  config.lowercase = (data[0] & 4) == 0;
  if ((data[0] & 8) != 0) config.strip_accents = (data[0] & 16) != 0;
  static const auto kVocab = make_vocab();
  const BertEncoder encoder = make_encoder(config, kVocab);
  std::vector<int32_t> ids, ids_alone;
  TokenPlaces places;
  encoder.append(text, 0, true, ids, &places);
  encoder.append(text, 0, true, ids_alone, nullptr);
  const reference::Tokens expected = reference::encode(text, config, kVocab);
  expect(ids == expected.ids && ids_alone == ids && places.spans == expected.spans);
  expect_ordered(places.spans, text.size());
  return 0;
}
