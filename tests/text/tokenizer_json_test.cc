#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/text/padding.h"

namespace nopad::text {
namespace {

using nlohmann::json;
using test::expect_error;
using Ids = std::vector<int32_t>;

// A whole file with a vocab of ten tokens, as the package writes it.
json make_file() {
  return json::parse(R"({
    "version": "1.0", "truncation": {"max_length": 4}, "padding": {"strategy": {"Fixed": 8}},
    "added_tokens": [
      {"id": 0, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": false, "special": true},
      {"id": 10, "content": "foo", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": true, "special": false}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
      "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
      "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                         "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "un": 5,
                        "##able": 6, "##aff": 7, "cafe": 8, ".": 9}}})");
}

Tokenizer build(const json& file) {
  return Tokenizer(build_pipeline(parse_tokenizer_json(file, "t.json"), "t.json"));
}

TEST(TokenizerJson, ReadsBertsPipeline) {
  const Tokenizer tokenizer = build(make_file());
  EXPECT_EQ(tokenizer.encode("Unaffable caf\u00e9. Foo [PAD]").ids,
            (Ids{2, 5, 7, 6, 8, 9, 10, 0, 3}));
  EXPECT_EQ(tokenizer.encode_pair("un", "cafe").type_ids, (Ids{0, 0, 0, 1, 1}));
  EXPECT_EQ(tokenizer.vocab_size(), 11);
  EXPECT_EQ(tokenizer.token(10), "foo");
}

TEST(TokenizerJson, StoredTruncationAndPaddingAreKeptAsideUnused) {
  const Tokenizer tokenizer = build(make_file());
  EXPECT_EQ(tokenizer.encode("un un un un un un").size(), 8u);
  EXPECT_EQ(tokenizer.stored_truncation()->max_length, 4);
  EXPECT_EQ(tokenizer.stored_truncation()->truncation, Truncation::longest_first);
  EXPECT_EQ(tokenizer.stored_padding()->length, 8);
  json file = make_file();
  file["truncation"] = nullptr;
  file["padding"] = json::parse(R"({"strategy": "BatchLongest", "direction": "Left",
    "pad_to_multiple_of": 16, "pad_id": 4, "pad_type_id": 1, "pad_token": "[MASK]"})");
  EXPECT_FALSE(build(file).stored_truncation());
  EXPECT_EQ(
      build(file).stored_padding(),
      (Padding{.side = Side::left, .id = 4, .type_id = 1, .token = "[MASK]", .multiple_of = 16}));
}

TEST(TokenizerJson, TakesBertProcessingForTheTemplate) {
  json file = make_file();
  file["post_processor"] =
      json::parse(R"({"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]})");
  const Tokenizer tokenizer = build(file);
  EXPECT_EQ(tokenizer.encode_pair("un", "cafe").ids, (Ids{2, 5, 3, 8, 3}));
  EXPECT_EQ(tokenizer.encode_pair("un", "cafe").type_ids, (Ids{0, 0, 0, 1, 1}));
}

TEST(TokenizerJson, TheModelsTypeAndTheVersionMayBeMissing) {
  json file = make_file();
  file["model"].erase("type");
  file.erase("version");
  file["decoder"] = nullptr;
  const Tokenizer tokenizer = build(file);
  EXPECT_EQ(tokenizer.encode("un").ids, (Ids{2, 5, 3}));
  EXPECT_EQ(tokenizer.decode(Ids{5, 7, 9}), "un ##aff .");
}

TEST(TokenizerJson, TheNormalizersSettingsCount) {
  json file = make_file();
  file["normalizer"]["lowercase"] = false;
  EXPECT_EQ(build(file).encode("Un un").ids, (Ids{2, 1, 5, 3}));
  file["normalizer"]["strip_accents"] = true;
  EXPECT_EQ(build(file).encode("caf\u00e9").ids, (Ids{2, 8, 3}));
}

TEST(TokenizerJson, ASpecialTokenOfTheTemplateMayStandForSeveralIds) {
  json file = make_file();
  file["post_processor"]["special_tokens"]["[CLS]"]["ids"] = {2, 4};
  EXPECT_EQ(build(file).encode("un").ids, (Ids{2, 4, 5, 3}));
}

struct BadFile {
  const char* pointer;  // what is replaced
  const char* value;    // by which JSON; "" removes it
  const char* message;
};

TEST(TokenizerJson, RefusesComponentsThatItDoesNotKnowByName) {
  const BadFile cases[] = {
      {"/model/type", R"("CharBPE")",
       R"(t.json: model: type: expected BPE, WordPiece, WordLevel or Unigram, got "CharBPE")"},
      {"/model/type", R"("Unigram")",
       R"(t.json: model: expected only known keys, got "continuing_subword_prefix")"},
      {"/model/extra", "[]", R"(t.json: model: expected only known keys, got "extra")"},
      {"/normalizer/type", R"("Upper")",
       "t.json: normalizer: type: expected one of BertNormalizer, ByteLevel, Lowercase, NFC, NFD, "
       "NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents, got "
       R"("Upper")"},
      {"/normalizer/clean_text", "", "t.json: normalizer: clean_text: expected a value, got none"},
      {"/normalizer/extra", "1", R"(t.json: normalizer: expected only known keys, got "extra")"},
      {"/pre_tokenizer/type", R"("Words")",
       R"(t.json: pre_tokenizer: type: expected a pre-tokenizer, got "Words")"},
      {"/pre_tokenizer", "1", "t.json: pre_tokenizer: expected an object, got 1"},
      {"/post_processor/type", R"("GptProcessing")",
       R"(t.json: post_processor: type: expected a post-processor, got "GptProcessing")"},
      {"/decoder/type", R"("Words")", R"(t.json: decoder: type: expected a decoder, got "Words")"},
      {"/version", R"("2.0")", R"(t.json: version: expected "1.0", got "2.0")"},
      {"/special", "1", R"(t.json: expected only known keys, got "special")"},
      {"/model", "", "t.json: model: expected an object, got null"},
  };
  for (const BadFile& bad : cases) {
    json file = make_file();
    const json::json_pointer pointer(bad.pointer);
    if (*bad.value == '\0') {
      file.at(pointer.parent_pointer()).erase(pointer.back());
    } else {
      file[pointer] = json::parse(bad.value);
    }
    SCOPED_TRACE(bad.pointer);
    expect_error<FormatError>([&] { build(file); }, bad.message);
  }
}

TEST(TokenizerJson, RefusesBadValuesByName) {
  const BadFile cases[] = {
      {"/model/vocab", "[]", "t.json: model: vocab: expected an object, got an array"},
      {"/model/vocab", "{}", "t.json: vocab: expected at least one token, got none"},
      {"/model/vocab/un", R"("5")",
       R"(t.json: model: vocab: "un": expected an integer, got a string)"},
      {"/model/vocab/un", "5.5", R"(t.json: model: vocab: "un": expected an integer, got 5.5)"},
      {"/model/vocab/un", "-1", "t.json: vocab: expected ids from 0 to 4194303, got -1"},
      {"/model/vocab/un", "18446744073709551615",
       "t.json: vocab: expected ids from 0 to 4194303, got 4194304"},
      {"/model/vocab/un", "6",
       R"(t.json: vocab: expected one token per id, got "##able" and "un" with id 6)"},
      {"/model/unk_token", R"("<unk>")",
       R"(t.json: unk_token: expected "<unk>" in the vocab, got none)"},
      {"/model/unk_token", "null", "t.json: model: unk_token: expected a value, got none"},
      {"/model/max_input_chars_per_word", "0",
       "t.json: max_input_chars_per_word: expected 1 to 1024, got 0"},
      {"/added_tokens/0/id", "7", R"(t.json: added_tokens: expected id 0 for "[PAD]", got 7)"},
      {"/added_tokens/1/id", "11", R"(t.json: added_tokens: expected id 10 for "foo", got 11)"},
      {"/added_tokens/1/id", "4194304",
       "t.json: added_tokens: id: expected 0 to 4194303, got 4194304"},
      {"/added_tokens/1/content", R"("")",
       "t.json: added_tokens: content: expected 1 to 1024 bytes, got 0"},
      {"/added_tokens/1/content", R"("[PAD]")",
       R"(t.json: added_tokens: expected each token once, got "[PAD]" twice)"},
      {"/added_tokens/1/lstrip", "",
       "t.json: added_tokens: lstrip: expected true or false, got none"},
      {"/added_tokens/1/lstrip", "1",
       "t.json: added_tokens: lstrip: expected true or false, got 1"},
      {"/added_tokens", "{}", "t.json: added_tokens: expected a list, got an object"},
      {"/post_processor/special_tokens/[CLS]/ids/0", "99",
       "t.json: post_processor: expected ids of the vocab, got 99"},
      {"/post_processor/special_tokens/[CLS]/ids/0", "-1",
       "t.json: post_processor: special_tokens: ids: expected ids from 0 to 4194303, got -1"},
      {"/post_processor/special_tokens/[CLS]", "",
       R"(t.json: post_processor: special_tokens: expected "[CLS]", which the template uses, got none)"},
      {"/post_processor/single/1/Sequence/id", R"("B")",
       "t.json: post_processor: single: expected A once and no B and at most 64 parts, got A 0 and "
       "B 1 times in 3"},
      {"/post_processor/pair/3", "",
       "t.json: post_processor: pair: expected A and B once each and at most 64 parts, got A 1 and "
       "B 0 times in 4"},
      {"/post_processor/single/1", R"({"Other": 1})",
       R"(t.json: post_processor: single: expected only known keys, got "Other")"},
      {"/post_processor/single/1/Sequence/type_id", "-1",
       "t.json: post_processor: single: Sequence: type_id: expected 0 to 255, got -1"},
      {"/post_processor/single/1/Sequence/id", R"("C")",
       R"(t.json: post_processor: single: Sequence: id: expected one of A, B, got "C")"},
      {"/truncation/max_length", "0", "t.json: truncation: max_length: expected 1 or more, got 0"},
      {"/truncation/stride", "4",
       "t.json: truncation: stride: expected less than max_length (4), got 4"},
      {"/truncation/strategy", R"("Middle")",
       R"(t.json: truncation: strategy: expected one of LongestFirst, OnlyFirst, OnlySecond, got "Middle")"},
      {"/truncation/direction", R"("Up")",
       R"(t.json: truncation: direction: expected one of Left, Right, got "Up")"},
      {"/padding/strategy/Fixed", "0",
       "t.json: padding: strategy: Fixed: expected 1 or more, got 0"},
      {"/padding/pad_id", "-1", "t.json: padding: pad_id: expected 0 to 4194303, got -1"},
  };
  for (const BadFile& bad : cases) {
    json file = make_file();
    const json::json_pointer pointer(bad.pointer);
    if (*bad.value != '\0') {
      file[pointer] = json::parse(bad.value);
    } else if (json& parent = file.at(pointer.parent_pointer()); parent.is_array()) {
      parent.erase(static_cast<size_t>(std::stoul(pointer.back())));
    } else {
      parent.erase(pointer.back());
    }
    SCOPED_TRACE(std::string(bad.pointer) + " " + bad.value);
    expect_error<FormatError>([&] { build(file); }, bad.message);
  }
}

TEST(TokenizerJson, RefusesTokensThatAreTooLong) {
  json file = make_file();
  file["model"]["vocab"][std::string(1025, 'x')] = 10;
  expect_error<FormatError>(
      [&] { build(file); },
      "t.json: vocab: token 10: expected a token of at most 1024 bytes, got 1025");
  file = make_file();
  file["added_tokens"][1]["content"] = std::string(1 << 20, 'x');
  expect_error<FormatError>([&] { build(file); },
                            "t.json: added_tokens: content: expected 1 to 1024 bytes, got 1048576");
}

TEST(TokenizerJson, RefusesATemplateWithoutEnd) {
  json file = make_file();
  json& single = file["post_processor"]["single"];
  while (single.size() < 100) single.push_back(single[2]);
  EXPECT_THROW(build(file), FormatError);
}

// Each value of a good file in turn becomes each of several bad ones: no crash, no other exception.
TEST(TokenizerJson, AnyValueMayBeWrong) {
  const json good = make_file();
  const json bad_values[] = {nullptr,       true,           -1,      1e300, "x",
                             json::array(), json::object(), 1u << 31};
  int num_refused = 0, num_taken = 0;
  const json flat = good.flatten();
  for (const auto& [path, unused] : flat.items()) {
    for (json::json_pointer at(path); !at.empty(); at.pop_back()) {
      for (const json& value : bad_values) {
        json file = good;
        file[at] = value;
        try {
          build(file);
          ++num_taken;
        } catch (const FormatError&) {
          ++num_refused;
        }
      }
    }
  }
  EXPECT_GT(num_refused, 1000);
  EXPECT_GT(num_taken, 0);
}

}  // namespace
}  // namespace nopad::text
