// Every code point, alone and between letters, against checksums recorded from the package.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "text/crc32.h"
#include "text/pipeline.h"

namespace nopad::text {
namespace {

constexpr char32_t kBlock = 4096;
constexpr size_t kNumBlocks = 0x110000 / kBlock;

using test::crc32;

struct Utf8Sink {
  std::string text;

  void put_ascii(char c, SourceBytes) { text += c; }
  void put(char32_t c, CharClass, SourceBytes) {
    char bytes[4];
    text.append(bytes, encode_utf8(c, bytes));
  }
};

// The settings' order in the file: lowercase and strip_accents of each.
struct Setting {
  bool lowercase;
  std::optional<bool> strip_accents;
};
const std::array<Setting, 4> kSettings = {
    {{true, std::nullopt}, {false, std::nullopt}, {true, false}, {false, true}}};

class CodePoints4096 : public testing::TestWithParam<size_t> {};

// With a vocab that knows no word, each word is one token, whose span says where the word is.
Tokenizer make_word_finder(const BertNormalizer::Config& config) {
  constexpr std::string_view kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  PipelineParts parts = make_bert_parts(Vocab::from_lines(kVocab, "vocab.txt"), make_bert_names(),
                                        FrameKind::bert, "vocab.txt");
  parts.bert_normalizer = config;
  return Tokenizer(build_pipeline(std::move(parts), "vocab.txt"));
}

std::string describe(const BertNormalizer& normalizer, const Tokenizer& words,
                     std::string_view text) {
  Utf8Sink normalized;
  normalizer.run(text, 0, normalized);
  std::string out = std::move(normalized.text);
  out += '\0';
  const char* comma = "";
  for (const Span& span : words.encode(text, {.add_frame = false}).spans) {
    out += comma + std::to_string(span.begin) + "-" + std::to_string(span.end);
    comma = ",";
  }
  return out + "\n";
}

TEST_P(CodePoints4096, GiveWhatThePackageGives) {
  const Setting& setting = kSettings[GetParam()];
  BertNormalizer::Config config;
  config.lowercase = setting.lowercase;
  config.strip_accents = setting.strip_accents;
  const BertNormalizer normalizer(config);
  const Tokenizer words = make_word_finder(config);
  std::ifstream file(NOPAD_TEST_DATA "/text/code_points.txt");
  const std::vector<std::string> recorded{std::istream_iterator<std::string>(file), {}};
  ASSERT_EQ(recorded.size(), kNumBlocks * kSettings.size());
  for (size_t block = 0; block < kNumBlocks; ++block) {
    uint32_t crc = 0;
    for (char32_t c = 0; c < kBlock; ++c) {
      const char32_t value = static_cast<char32_t>(block) * kBlock + c;
      if (value >= 0xd800 && value < 0xe000) continue;
      char bytes[4];
      const std::string alone(bytes, encode_utf8(value, bytes));
      crc = crc32(describe(normalizer, words, alone), crc);
      crc = crc32(describe(normalizer, words, "a" + alone + "B"), crc);
    }
    const uint32_t expected =
        static_cast<uint32_t>(std::stoul(recorded[GetParam() * kNumBlocks + block], nullptr, 16));
    EXPECT_EQ(crc, expected) << "code points from " << block * kBlock;
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, CodePoints4096, testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace nopad::text
