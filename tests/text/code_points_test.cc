// Every code point, alone and between letters, against checksums recorded from the package.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "text/pipeline.h"

namespace nopad::text {
namespace {

constexpr char32_t kBlock = 4096;
constexpr size_t kNumBlocks = 0x110000 / kBlock;

uint32_t crc32(std::string_view bytes, uint32_t crc) {
  static const auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value % 2 == 1 ? 0xedb88320u : 0);
      table[i] = value;
    }
    return table;
  }();
  crc = ~crc;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 255];
  return ~crc;
}

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
  BertParts parts;
  parts.normalizer = config;
  parts.vocab = Vocab::from_lines("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "vocab.txt");
  return Tokenizer(build_bert(std::move(parts), "vocab.txt"));
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
