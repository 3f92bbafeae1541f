// Tokenizers of all kinds against what the package made of the same files; see tests/data/text/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/json.h"
#include "nopad/text/tokenizer.h"
#include "text/crc32.h"
#include "text/pipeline.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kFolder = fs::path(NOPAD_TEST_DATA) / "text" / "kinds";

Tokenizer build(const json& file) {
  return Tokenizer(build_pipeline(parse_tokenizer_json(file, "t.json"), "t.json"));
}

std::vector<json> read_lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

// Spans are in one row; sources and types are digits.
void expect_tokens(const Encoding& encoding, const json& expected) {
  EXPECT_EQ(json(encoding.ids), expected["ids"]);
  json spans = json::array();
  std::string sources, type_ids;
  for (size_t i = 0; i < encoding.size(); ++i) {
    spans.push_back(encoding.spans[i].begin);
    spans.push_back(encoding.spans[i].end);
    sources += std::to_string(static_cast<int>(encoding.sources[i]));
    type_ids += std::to_string(encoding.type_ids[i]);
  }
  EXPECT_EQ(spans, expected["spans"]);
  EXPECT_EQ(sources, expected["sources"]);
  if (expected.contains("type_ids")) {
    EXPECT_EQ(type_ids, expected["type_ids"]);
  }
}

std::vector<Encoding> encode_windows(const Tokenizer& tokenizer, const json& record) {
  EncodeOptions options;
  options.max_length = record["max_length"];
  options.stride = record["stride"];
  options.truncation_side = record["side"] == "left" ? Side::left : Side::right;
  const auto texts = record["texts"].get<std::vector<std::string>>();
  return texts.size() == 1 ? tokenizer.encode_windows(texts[0], options)
                           : tokenizer.encode_pair_windows(texts[0], texts[1], options);
}

void expect_record(const Tokenizer& tokenizer, const json& record) {
  SCOPED_TRACE(record["texts"].dump());
  if (record.contains("windows")) {
    const auto windows = encode_windows(tokenizer, record);
    ASSERT_EQ(windows.size(), record["windows"].size());
    for (size_t i = 0; i < windows.size(); ++i) expect_tokens(windows[i], record["windows"][i]);
    return;
  }
  const auto texts = record["texts"].get<std::vector<std::string>>();
  const bool is_pair = texts.size() == 2;
  const Encoding encoding =
      is_pair ? tokenizer.encode_pair(texts[0], texts[1]) : tokenizer.encode(texts[0]);
  expect_tokens(encoding, record);
  EXPECT_EQ(tokenizer.decode(encoding.ids), record["decoded"]);
  EXPECT_EQ(tokenizer.decode(encoding.ids, false), record["decoded_with_special"]);
  std::vector<int32_t> ids, type_ids;
  is_pair ? tokenizer.append_pair(texts[0], texts[1], {}, ids, type_ids)
          : tokenizer.append(texts[0], {}, ids, type_ids);
  EXPECT_EQ(ids, encoding.ids);
  EXPECT_EQ(type_ids, encoding.type_ids);
}

class RecordedKind : public testing::TestWithParam<std::string> {};

TEST_P(RecordedKind, EqualsThePackage) {
  const auto lines = read_lines(kFolder / (GetParam() + ".jsonl"));
  ASSERT_GT(lines.size(), 20u);
  const Tokenizer tokenizer = build(lines[0]);
  for (size_t i = 1; i < lines.size() && !HasFailure(); ++i) expect_record(tokenizer, lines[i]);
}

std::vector<std::string> list_kinds() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".jsonl") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "byte-level" as "ByteLevel".
std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name;
  bool begins_word = true;
  for (const char c : info.param) {
    const bool is_letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_letter) name += begins_word ? static_cast<char>(std::toupper(c)) : c;
    begins_word = !is_letter;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, RecordedKind, testing::ValuesIn(list_kinds()), test_name);

TEST(RecordedKinds, ByteLevelSeesEveryCodePointAsThePackageDoes) {
  constexpr char32_t kBlock = 4096;
  const Tokenizer tokenizer = build(read_lines(kFolder / "byte-level-1000.jsonl")[0]);
  std::ifstream file(kFolder / "byte-level.code_points");
  EncodeOptions options;
  options.add_frame = false;
  for (char32_t begin = 0; begin < 0x110000; begin += kBlock) {
    uint32_t crc = 0;
    for (char32_t c = begin; c < begin + kBlock; ++c) {
      if (c >= 0xd800 && c < 0xe000) continue;
      char bytes[4];
      const std::string one(bytes, encode_utf8(c, bytes));
      for (const std::string& text : {one, "a" + one + "1 " + one + "b"}) {
        const Encoding encoding = tokenizer.encode(text, options);
        std::string line;
        for (size_t i = 0; i < encoding.size(); ++i) {
          if (i > 0) line += ',';
          line += std::to_string(encoding.ids[i]) + ":" + std::to_string(encoding.spans[i].begin) +
                  "-" + std::to_string(encoding.spans[i].end);
        }
        crc = test::crc32(line + "\n", crc);
      }
    }
    std::string expected;
    ASSERT_TRUE(std::getline(file, expected));
    ASSERT_EQ(crc, std::stoul(expected, nullptr, 16)) << "block " << static_cast<uint32_t>(begin);
  }
}

}  // namespace
}  // namespace nopad::text
