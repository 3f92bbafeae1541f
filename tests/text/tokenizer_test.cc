#include "nopad/text/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "io/json.h"
#include "nopad/core/error.h"
#include "text/minilm.h"

namespace nopad::text {
namespace {

using nlohmann::json;
using test::expect_error;
using Ids = std::vector<int32_t>;

const Tokenizer& minilm() {
  static const Tokenizer kTokenizer = make_minilm();
  return kTokenizer;
}

std::vector<json> read_recorded() {
  std::ifstream file(NOPAD_TEST_DATA "/text/encodings.jsonl");
  std::vector<json> records;
  for (std::string line; std::getline(file, line);) {
    records.push_back(io::parse_json(line, "encodings.jsonl"));
  }
  return records;
}

void expect_recorded(const Tokenizer& tokenizer, const json& record) {
  const auto texts = record["texts"].get<std::vector<std::string>>();
  const bool is_pair = texts.size() == 2;
  const Encoding encoding =
      is_pair ? tokenizer.encode_pair(texts[0], texts[1]) : tokenizer.encode(texts[0]);
  ASSERT_EQ(encoding.ids, record["ids"].get<Ids>());
  ASSERT_EQ(encoding.type_ids, record["type_ids"].get<Ids>());
  ASSERT_EQ(encoding.spans.size(), encoding.size());
  ASSERT_EQ(encoding.sources.size(), encoding.size());
  for (size_t i = 0; i < encoding.size(); ++i) {
    ASSERT_EQ(encoding.spans[i].begin, record["spans"][i][0]) << i;
    ASSERT_EQ(encoding.spans[i].end, record["spans"][i][1]) << i;
    ASSERT_EQ(static_cast<int>(encoding.sources[i]), record["sources"][i]) << i;
  }
  ASSERT_EQ(tokenizer.decode(encoding.ids), record["decoded"]);
  Ids ids, type_ids;
  is_pair ? tokenizer.append_pair(texts[0], texts[1], {}, ids, type_ids)
          : tokenizer.append(texts[0], {}, ids, type_ids);
  ASSERT_EQ(ids, encoding.ids);
  ASSERT_EQ(type_ids, encoding.type_ids);
}

TEST(Tokenizer, GivesWhatThePackageGives) {
  const std::vector<json> records = read_recorded();
  ASSERT_GT(records.size(), 700u);
  std::map<std::string, Tokenizer> tokenizers;
  for (const json& record : records) {
    BertNormalizer::Config config;
    config.lowercase = record["lowercase"];
    config.strip_accents = io::find_bool(record, "strip_accents", "encodings.jsonl");
    const std::string setting = record["lowercase"].dump() + record["strip_accents"].dump();
    if (!tokenizers.contains(setting)) tokenizers.emplace(setting, make_minilm(config));
    SCOPED_TRACE(setting + record["texts"].dump());
    expect_recorded(tokenizers.at(setting), record);
  }
}

TEST(Tokenizer, AnEmptyTextIsTheFrameAlone) {
  for (const char* text : {"", "   ", "\t\n", "\u200b"}) {
    EXPECT_EQ(minilm().encode(text).ids, (Ids{101, 102})) << text;
  }
  EXPECT_EQ(minilm().encode("", {.add_frame = false}).size(), 0u);
  EXPECT_EQ(minilm().encode_pair("", "").ids, (Ids{101, 102, 102}));
}

TEST(Tokenizer, WithoutFrameAPairKeepsItsTypes) {
  const Encoding encoding = minilm().encode_pair("hello", "boy", {.add_frame = false});
  EXPECT_EQ(encoding.ids, (Ids{7592, 2879}));
  EXPECT_EQ(encoding.type_ids, (Ids{0, 1}));
  EXPECT_EQ(encoding.sources, (std::vector<Source>{Source::first, Source::second}));
}

TEST(Tokenizer, NumbersTheWordsOfEachText) {
  // [CLS] una ##ffa ##ble , a [SEP] b [SEP] fish fish [SEP]
  const Encoding encoding = minilm().encode_pair("Unaffable, a [SEP] b", "fish fish");
  EXPECT_EQ(encoding.words, (Ids{-1, 0, 0, 0, 1, 2, 3, 4, -1, 0, 1, -1}));
  // A window begins in the middle of the word.
  const auto windows = minilm().encode_windows("a unaffable", {.max_length = 4, .stride = 1});
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[2].words, (Ids{-1, 1, 1, -1}));
}

TEST(Tokenizer, TypedSpecialTokensCanBeSwitchedOff) {
  EXPECT_EQ(minilm().encode("a [SEP] b").ids, (Ids{101, 1037, 102, 1038, 102}));
  EXPECT_EQ(minilm().encode("a [SEP] b", {.match_special_tokens = false}).ids,
            (Ids{101, 1037, 1031, 19802, 1033, 1038, 102}));
  EXPECT_EQ(minilm().encode("a [SEP] b").sources[2], Source::first);
}

TEST(Tokenizer, CutsLongTextsAndCountsWhatItCut) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word ";
  const Encoding encoding = minilm().encode(text, {.max_length = 256});
  EXPECT_EQ(encoding.size(), 256u);
  EXPECT_EQ(encoding.num_truncated, 746);
  EXPECT_EQ(encoding.ids.back(), 102);
  Ids ids, type_ids;
  EXPECT_EQ(minilm().append(text, {.max_length = 256}, ids, type_ids), 746);
  EXPECT_EQ(ids, encoding.ids);
  EXPECT_EQ(minilm().encode(text, {.max_length = 1002}).num_truncated, 0);
}

TEST(Tokenizer, CutsOnTheSideAskedFor) {
  const EncodeOptions left{.max_length = 4, .truncation_side = Side::left};
  const Encoding encoding = minilm().encode("i am a fish", left);
  EXPECT_EQ(encoding.ids, (Ids{101, 1037, 3869, 102}));
  EXPECT_EQ(encoding.spans[1], (Span{5, 6}));
}

TEST(Tokenizer, ALimitOfTheFrameLeavesTheFrame) {
  EXPECT_EQ(minilm().encode("hello", {.max_length = 2}).ids, (Ids{101, 102}));
  EXPECT_EQ(minilm().encode_pair("hello", "boy", {.max_length = 3}).ids, (Ids{101, 102, 102}));
}

TEST(Tokenizer, RefusesLimitsThatTheFrameExceeds) {
  expect_error<OptionError>([] { minilm().encode("a", {.max_length = 1}); },
                            "encode: max_length: expected 0 (no limit) or at least the 2 tokens "
                            "around the text, got 1");
  expect_error<OptionError>([] { minilm().encode_pair("a", "b", {.max_length = 2}); },
                            "encode: max_length: expected 0 (no limit) or at least the 3 tokens "
                            "around the text, got 2");
  expect_error<OptionError>(
      [] { minilm().encode("a", {.max_length = -1, .add_frame = false}); },
      "encode: max_length: expected 0 (no limit) or at least the 0 tokens around the text, got -1");
}

TEST(Tokenizer, WithoutTruncationALongTextIsAnError) {
  expect_error<LimitError>(
      [] { minilm().encode("i am a fish", {.max_length = 5, .truncation = Truncation::none}); },
      "encode: text: expected at most 5 tokens without truncation, got 6");
  EXPECT_EQ(
      minilm().encode("i am a fish", {.max_length = 6, .truncation = Truncation::none}).size(), 6u);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8AndLeavesTheVectorsAlone) {
  expect_error<InputError>([] { minilm().encode("hello \xff boy"); },
                           "encode: text: expected UTF-8, got the byte 0xff at offset 6");
  expect_error<InputError>([] { minilm().encode_pair("a", "b\xed\xa0\x80"); },
                           "encode: second text: expected UTF-8, got the byte 0xed at offset 1");
  Ids ids{1}, type_ids{2};
  EXPECT_THROW(minilm().append("\x80", {}, ids, type_ids), InputError);
  EXPECT_EQ(ids, Ids{1});
  EXPECT_EQ(type_ids, Ids{2});
}

TEST(Tokenizer, AppendsToWhatIsThere) {
  Ids ids, type_ids;
  minilm().append("hello", {}, ids, type_ids);
  minilm().append_pair("boy", "fish", {}, ids, type_ids);
  EXPECT_EQ(ids, (Ids{101, 7592, 102, 101, 2879, 102, 3869, 102}));
  EXPECT_EQ(type_ids, (Ids{0, 0, 0, 0, 0, 0, 1, 1}));
}

TEST(Tokenizer, KnowsItsTokens) {
  EXPECT_EQ(minilm().vocab_size(), 30522);
  EXPECT_EQ(minilm().token(7592), "hello");
  EXPECT_EQ(minilm().find_id("hello"), 7592);
  EXPECT_EQ(minilm().find_id("no such token"), std::nullopt);
  EXPECT_EQ(minilm().special_ids().unknown, 100);
  EXPECT_EQ(minilm().special_ids().classify, 101);
  EXPECT_EQ(minilm().special_ids().separate, 102);
  EXPECT_EQ(minilm().special_ids().mask, 103);
  EXPECT_EQ(minilm().special_ids().pad, 0);
  EXPECT_TRUE(minilm().contains(0));
  EXPECT_TRUE(minilm().contains(30521));
  EXPECT_FALSE(minilm().contains(30522));
  EXPECT_FALSE(minilm().contains(-1));
  EXPECT_EQ(minilm().continuing_prefix(), "##");
  EXPECT_EQ(minilm().frame_size(), 2);
  EXPECT_EQ(minilm().model_max_length(), std::nullopt);
  EXPECT_EQ(minilm().description(),
            "WordPiece, 30522 tokens, lower case, accents stripped (vocab.txt)");
}

TEST(Tokenizer, DecodesWithAndWithoutSpecialTokens) {
  const Ids ids{101, 7592, 1010, 2088, 999, 102};
  EXPECT_EQ(minilm().decode(ids), "hello, world!");
  EXPECT_EQ(minilm().decode(ids, false), "[CLS] hello, world! [SEP]");
  for (const int32_t id : {-1, 30522, INT32_MAX}) {
    expect_error<InputError>(
        [&] { minilm().decode(Ids{id}); },
        "Tokenizer: id: expected that of a token, below 30522, got " + std::to_string(id));
  }
}

TEST(Tokenizer, ManyThreadsMayShareOne) {
  const Encoding expected = minilm().encode("unaffable caf\u00e9s, \u4e2d\u56fd");
  std::vector<std::thread> threads;
  std::vector<int> num_equal(4);
  for (int& equal : num_equal) {
    threads.emplace_back([&expected, &equal] {
      for (int i = 0; i < 500; ++i) {
        equal += minilm().encode("unaffable caf\u00e9s, \u4e2d\u56fd").ids == expected.ids;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_equal, (std::vector<int>{500, 500, 500, 500}));
}

}  // namespace
}  // namespace nopad::text
