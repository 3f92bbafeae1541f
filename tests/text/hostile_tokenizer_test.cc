// Tokenizer files and texts that are made to break or to stall a tokenizer.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/text/tokenizer.h"
#include "text/byte_level.h"
#include "text/pipeline.h"
#include "text/tokenizer_json.h"

namespace nopad::text {
namespace {

using nlohmann::json;
using test::expect_error;

constexpr const char* kWordLevel =
    R"({"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "a": 1}})";

Tokenizer build(const json& file) {
  return Tokenizer(build_pipeline(parse_tokenizer_json(file, "t.json"), "t.json"));
}

Tokenizer with(const char* key, const std::string& value) {
  json file = {{"model", json::parse(kWordLevel)}};
  file[key] = json::parse(value);
  return build(file);
}

TEST(HostileTokenizer, BadComponentsAreRefusedByName) {
  const struct {
    const char* key;
    const char* value;
    const char* message;
  } cases[] = {
      {"pre_tokenizer", R"({"type": "FixedLength", "length": 0})",
       "t.json: pre_tokenizer: length: expected 1 or more, got 0"},
      {"pre_tokenizer", R"({"type": "CharDelimiterSplit", "delimiter": ""})",
       R"(t.json: pre_tokenizer: delimiter: expected one character, got "")"},
      {"pre_tokenizer",
       R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "add_prefix_space": false})",
       "t.json: pre_tokenizer: prepend_scheme: expected never, as add_prefix_space is false, got "
       "another"},
      {"pre_tokenizer",
       R"({"type": "Split", "pattern": {}, "behavior": "Isolated", "invert": false})",
       "t.json: pre_tokenizer: pattern: expected one of String and Regex, got 0"},
      {"pre_tokenizer", R"({"type": "Punctuation", "behavior": "isolated"})",
       "t.json: pre_tokenizer: behavior: expected one of Removed, Isolated, MergedWithPrevious, "
       "MergedWithNext, Contiguous, got \"isolated\""},
      {"pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [{"type": "Sequence"}]})",
       "t.json: pre_tokenizer: pretokenizers[0]: pretokenizers: expected a list, got null"},
      {"post_processor", R"({"type": "Sequence", "processors": [
         {"type": "BertProcessing", "sep": ["u", 0], "cls": ["u", 0]},
         {"type": "BertProcessing", "sep": ["u", 0], "cls": ["u", 0]}]})",
       "t.json: post_processor: expected one step that puts tokens around a text, got another one: "
       "\"BertProcessing\""},
      {"post_processor", R"({"type": "RobertaProcessing", "sep": ["u", 0], "cls": ["u", 9],
         "trim_offsets": true, "add_prefix_space": true})",
       "t.json: post_processor: expected ids of the vocab, got 9"},
      {"model", R"({"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []})",
       "t.json: model: dropout: expected null or 0, as tokens would be random, got 0.1"},
      {"model", R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a a"]})",
       R"(t.json: model: merges[0]: expected two tokens, got "a a a")"},
      {"model", R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]})",
       "t.json: model: merges[0]: expected two tokens, got an array"},
      {"model", R"({"type": "BPE", "vocab": {}, "merges": []})",
       "t.json: vocab: expected at least one token, got none"},
      {"model", R"({"type": "Unigram", "unk_id": 0, "vocab": [["a"]]})",
       "t.json: model: vocab[0]: expected a token and its score, got an array"}};
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.value);
    expect_error<FormatError>([&] { with(bad.key, bad.value); }, bad.message);
  }
}

// Deeper than any call stack: the steps are taken out one by one.
TEST(HostileTokenizer, NestedSequencesDoNotOverflowTheStack) {
  json nested = {{"type", "WhitespaceSplit"}};
  for (int i = 0; i < 5000; ++i) {
    json outer = {{"type", "Sequence"}, {"pretokenizers", json::array()}};
    outer["pretokenizers"].push_back(std::move(nested));
    nested = std::move(outer);
  }
  json file = {{"model", json::parse(kWordLevel)}};
  file["pre_tokenizer"] = std::move(nested);
  EXPECT_EQ(build(file).encode("a b").size(), 2u);
}

TEST(HostileTokenizer, APatternThatBacktracksWithoutEndIsALimit) {
  const Tokenizer tokenizer =
      with("pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "(a+)+$"},
                                "behavior": "Isolated", "invert": false})");
  EXPECT_EQ(tokenizer.encode("aaa").size(), 1u);
  EXPECT_THROW(tokenizer.encode(std::string(50, 'a') + "b"), LimitError);
}

TEST(HostileTokenizer, ATextWithoutTokenAndUnknownTokenIsAnInputError) {
  json file = {
      {"model", json::parse(R"({"type": "WordLevel", "unk_token": "x", "vocab": {"a": 0}})")}};
  const Tokenizer tokenizer = build(file);
  EXPECT_EQ(tokenizer.encode("a").size(), 1u);
  expect_error<InputError>([&] { tokenizer.encode("b"); },
                           "encode: text: expected words of the vocab, which has no unknown token, "
                           "got \"b\"");
}

TEST(HostileTokenizer, WindowsThatDoNotAdvanceAreALimit) {
  const Tokenizer tokenizer = with("pre_tokenizer", R"({"type": "WhitespaceSplit"})");
  EXPECT_EQ(tokenizer.encode_windows("a b c d", {.max_length = 2, .stride = 1}).size(), 3u);
  EXPECT_THROW(tokenizer.encode_windows("a b c d", {.max_length = 2, .stride = 2}), LimitError);
  EXPECT_THROW(tokenizer.encode_windows("a b c d", {.max_length = 2, .stride = -1}), OptionError);
}

TEST(HostileTokenizer, EachWindowOfAPairHasTheFramesTypes) {
  const Tokenizer tokenizer = with("pre_tokenizer", R"({"type": "WhitespaceSplit"})");
  const auto windows = tokenizer.encode_pair_windows("a a a a", "u u", {.max_length = 4});
  ASSERT_EQ(windows.size(), 2u);
  for (const Encoding& window : windows) {
    EXPECT_EQ(window.type_ids, (std::vector<int32_t>{0, 0, 1, 1}));
    EXPECT_EQ(window.num_truncated, 2);
  }
}

// Where a tokenizer takes quadratic time, these take hours.
TEST(HostileTokenizer, LongTextsOfOneThingTakeLinearTime) {
  json model = {{"type", "BPE"}, {"vocab", json::object()}, {"merges", json::array()}};
  int id = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    model["vocab"][to_byte_chars(std::string(1, static_cast<char>(byte)))] = id++;
  }
  for (const char* merge : {"a a", "aa aa", "^ ^"}) {
    std::string token = merge;
    token.erase(token.find(' '), 1);
    model["vocab"][token] = id++;
    model["merges"].push_back(merge);
  }
  const char* pre_tokenizers[] = {
      R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true})",
      R"({"type": "Sequence", "pretokenizers": [{"type": "Whitespace"},
          {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true}]})",
      R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"})",
      R"({"type": "Split", "pattern": {"Regex": "\\s+(?!\\S)|\\p{L}+"}, "behavior": "MergedWithNext",
          "invert": false})"};
  constexpr size_t kNumBytes = 400'000;
  for (const char* pre_tokenizer : pre_tokenizers) {
    json file = {{"model", model}, {"pre_tokenizer", json::parse(pre_tokenizer)}};
    const Tokenizer tokenizer = build(file);
    for (const std::string unit :
         {"a", " ", "^", "\u0301", "\ufdfa", "\u4e2d", "\U0001f600", "a "}) {
      std::string text;
      while (text.size() < kNumBytes) text += unit;
      EXPECT_GT(tokenizer.encode(text).size() + 1, 0u);
    }
  }
}

}  // namespace
}  // namespace nopad::text
