// The normalizers of tokenizer.json against what the package made of the same texts.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"
#include "text/base64.h"
#include "text/crc32.h"
#include "text/normalizers/parse.h"
#include "text/sentencepiece_model.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

using nlohmann::json;

constexpr const char* kData = NOPAD_TEST_DATA "/text/";

// The charsmap stands in the recorded model only.
std::unique_ptr<const Normalizer> parse(json value) {
  static const std::string kCharsmap = [] {
    const std::string path = std::string(kData) + "unigram-xlm-roberta/sentencepiece.bpe.model";
    return to_base64(SentencePieceModel::parse(io::read_file(path, 1 << 20), path).charsmap);
  }();
  const auto complete = [](json& step) {
    if (step["type"] == "Precompiled") step["precompiled_charsmap"] = kCharsmap;
  };
  if (value["type"] == "Sequence") {
    for (json& step : value["normalizers"]) complete(step);
  } else {
    complete(value);
  }
  return parse_normalizer(value, "f: normalizer");
}

std::string normalized(const Normalizer& normalizer, std::string_view text) {
  NormalizedText out(text, 0, false);
  normalizer.apply(out);
  return std::string(out.bytes());
}

std::string to_utf8(char32_t c) {
  char bytes[4];
  return {bytes, encode_utf8(c, bytes)};
}

class RecordedCodePoints : public testing::TestWithParam<const char*> {};

TEST_P(RecordedCodePoints, BecomeWhatThePackageMakesOfThem) {
  constexpr char32_t kBlock = 4096;
  const auto normalizer = parse({{"type", GetParam()}});
  std::ifstream file(std::string(kData) + "normalizers/code_points.txt");
  std::string line, word;
  while (std::getline(file, line) && !line.starts_with(std::string(GetParam()) + " ")) {
  }
  std::istringstream recorded(line);
  ASSERT_TRUE(recorded >> word);
  for (char32_t block = 0; block < 0x110000; block += kBlock) {
    uint32_t crc = 0;
    for (char32_t c = block; c < block + kBlock; ++c) {
      if (c >= 0xd800 && c < 0xe000) continue;
      crc = test::crc32(normalized(*normalizer, to_utf8(c)) + "\n", crc);
      crc = test::crc32(normalized(*normalizer, "a" + to_utf8(c) + "\u0301") + "\n", crc);
    }
    ASSERT_TRUE(recorded >> word);
    EXPECT_EQ(crc, std::stoul(word, nullptr, 16))
        << "code points from " << static_cast<uint32_t>(block);
  }
}

INSTANTIATE_TEST_SUITE_P(Normalizers, RecordedCodePoints,
                         testing::Values("Precompiled", "NFC", "NFD", "NFKC", "NFKD", "Lowercase",
                                         "Nmt", "StripAccents", "ByteLevel"),
                         [](const auto& kind) { return std::string(kind.param); });

json spans(const NormalizedText& text) {
  json out = json::array();
  for (size_t at = 0; at < text.bytes().size();) {
    const size_t end = at + decode_utf8(text.bytes(), at).num_bytes;
    const SourceBytes source = text.source(at, end);
    out.push_back({source.begin, source.end});
    at = end;
  }
  return out;
}

TEST(Normalizers, GiveTheTextsAndSourcesThatThePackageGives) {
  std::ifstream file(std::string(kData) + "normalizers/cases.jsonl");
  std::unique_ptr<const Normalizer> normalizer;
  std::string line, name;
  size_t num_texts = 0;
  while (std::getline(file, line)) {
    const json record = json::parse(line);
    if (record.contains("name")) {
      name = record["name"];
      normalizer = parse({{"type", "Sequence"}, {"normalizers", record["steps"]}});
      continue;
    }
    NormalizedText text(record["text"].get<std::string>(), 0, true);
    normalizer->apply(text);
    EXPECT_EQ(text.bytes(), record["made"].get<std::string>()) << name << ": " << record["text"];
    EXPECT_EQ(spans(text), record["spans"]) << name << ": " << record["text"];
    EXPECT_EQ(normalized(*normalizer, record["text"].get<std::string>()), text.bytes()) << name;
    ++num_texts;
  }
  EXPECT_EQ(num_texts, 18u * 60u);
}

TEST(Replace, TakesTheContentLiterally) {
  const auto normalizer =
      parse({{"type", "Replace"}, {"pattern", {{"Regex", "(a)(b)"}}}, {"content", "$2"}});
  EXPECT_EQ(normalized(*normalizer, "xabab"), "x$2$2");
}

TEST(Replace, AnEmptyPatternIsBetweenAllCharacters) {
  const auto normalizer =
      parse({{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "-"}});
  EXPECT_EQ(normalized(*normalizer, "a\u4e2d"), "-a-\u4e2d-");
}

TEST(Replace, RunsOfBlanksAreWhatTheRegularExpressionFinds) {
  const auto run = [](const char* pattern, std::string_view text) {
    return normalized(
        *parse({{"type", "Replace"}, {"pattern", {{"Regex", pattern}}}, {"content", "_"}}), text);
  };
  for (const std::string_view text : {"", " ", "  ", "   a b  c    ", "a  ", " \t  x"}) {
    EXPECT_EQ(run(" {2,}", text), run("(?: {2,})", text)) << text;
  }
}

TEST(Prepend, LeavesAnEmptyTextEmpty) {
  const auto normalizer = parse({{"type", "Prepend"}, {"prepend", "\u2581"}});
  EXPECT_EQ(normalized(*normalizer, ""), "");
  EXPECT_EQ(normalized(*normalizer, "a"), "\u2581a");
}

TEST(ParseNormalizer, RefusesWhatItDoesNotKnow) {
  const auto expect = [](const json& value, std::string_view message) {
    test::expect_error<FormatError>([&] { parse_normalizer(value, "f: normalizer"); }, message);
  };
  expect(7, "f: normalizer: expected an object, got 7");
  expect(
      {{"type", "NFX"}},
      "f: normalizer: type: expected one of BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, "
      "NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents, got \"NFX\"");
  expect({{"type", "NFC"}, {"x", 1}}, "f: normalizer: expected only known keys, got \"x\"");
  expect({{"type", "Strip"}, {"strip_left", true}},
         "f: normalizer: strip_right: expected a value, got none");
  expect({{"type", "Replace"}, {"pattern", json::object()}, {"content", ""}},
         "f: normalizer: pattern: expected String or Regex, got 0 keys");
  expect({{"type", "Precompiled"}, {"precompiled_charsmap", "????"}},
         "f: normalizer: precompiled_charsmap: expected base64, got \"?\" at offset 0");
  expect(
      {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, {{"type", "NFX"}}}}},
      "f: normalizer: normalizers: 1: type: expected one of BertNormalizer, ByteLevel, Lowercase, "
      "NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents, "
      "got \"NFX\"");
}

// Of this process, so that a busy machine changes little.
double cpu_seconds(const Normalizer& normalizer, std::string_view text) {
  const std::clock_t begin = std::clock();
  NormalizedText out(text, 0, true);
  normalizer.apply(out);
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

// Quadratic time would be minutes.
TEST(Normalizers, TakeLinearTimeForAMegabyteOfAnything) {
  for (const char* type : {"NFC", "NFKD", "Precompiled", "Lowercase", "StripAccents", "Nmt"}) {
    const auto normalizer = parse({{"type", type}});
    for (const std::string_view unit : {"a", " ", "\u0301\u0323", "\ufdfa", "\u4e2d",
                                        "\U0001f468\u200d", "\u0915\u094d", "\u1100\u1161"}) {
      std::string text;
      while (text.size() < 1'000'000) text += unit;
      EXPECT_LT(cpu_seconds(*normalizer, text), 10) << type << unit;
    }
  }
}

}  // namespace
}  // namespace nopad::text
