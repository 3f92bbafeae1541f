#include "text/tokenizer_config.h"

#include <gtest/gtest.h>

#include <string>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using nlohmann::json;
using test::expect_error;

TokenizerConfig parse(const char* text) {
  return parse_tokenizer_config(json::parse(text), "c.json");
}

TEST(TokenizerConfig, BertsClassSetsTheNormalizerByItsKeysOrDefaults) {
  for (const char* text : {R"({"tokenizer_class": "BertTokenizer"})", "{}",
                           R"({"tokenizer_class": "DistilBertTokenizerFast"})"}) {
    const auto config = parse(text);
    ASSERT_TRUE(config.normalizer) << text;
    EXPECT_TRUE(config.normalizer->lowercase);
    EXPECT_TRUE(config.normalizer->handle_chinese_chars);
    EXPECT_EQ(config.normalizer->strip_accents, std::nullopt);
  }
  const auto config =
      parse(R"({"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false})");
  EXPECT_FALSE(config.normalizer->lowercase);
  EXPECT_FALSE(config.normalizer->handle_chinese_chars);
  EXPECT_EQ(config.normalizer->strip_accents, true);
}

TEST(TokenizerConfig, OtherClassesLeaveTheNormalizerToTokenizerJson) {
  EXPECT_FALSE(parse(R"({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false})")
                   .normalizer);
}

TEST(TokenizerConfig, NamesAreTextsOrObjectsWithContent) {
  const auto config = parse(
      R"({"cls_token": "<s>", "sep_token": {"content": "</s>", "lstrip": false}, "pad_token": null})");
  EXPECT_EQ(config.names.classify->content, "<s>");
  EXPECT_EQ(config.names.separate->content, "</s>");
  EXPECT_FALSE(config.names.pad);
  EXPECT_EQ(fill_names(config.names, config.family).pad->content, "[PAD]");
}

TEST(TokenizerConfig, NamesKeepTheirFlags) {
  const auto config = parse(R"({"mask_token": {"content": "<mask>", "lstrip": true},
                                "bos_token": "<s>", "additional_special_tokens": ["<x>"]})");
  EXPECT_TRUE(config.names.mask->lstrip);
  EXPECT_FALSE(config.names.mask->rstrip);
  EXPECT_TRUE(config.names.mask->special);
  ASSERT_EQ(config.names.others.size(), 2u);
  EXPECT_EQ(config.names.others[1].content, "<x>");
}

TEST(TokenizerConfig, EachFamilyHasItsUsualNames) {
  EXPECT_EQ(fill_names({}, TokenizerFamily::bert).classify->content, "[CLS]");
  EXPECT_EQ(fill_names({}, TokenizerFamily::roberta).unknown->content, "<unk>");
  EXPECT_TRUE(fill_names({}, TokenizerFamily::roberta).mask->lstrip);
  EXPECT_EQ(fill_names({}, TokenizerFamily::mpnet).unknown->content, "[UNK]");
  EXPECT_EQ(fill_names({}, TokenizerFamily::mpnet).separate->content, "</s>");
}

TEST(TokenizerConfig, TheClassTellsTheFamily) {
  const std::pair<const char*, TokenizerFamily> cases[] = {
      {"BertTokenizer", TokenizerFamily::bert},
      {"ElectraTokenizerFast", TokenizerFamily::bert},
      {"MPNetTokenizerFast", TokenizerFamily::mpnet},
      {"RobertaTokenizer", TokenizerFamily::roberta},
      {"LongformerTokenizerFast", TokenizerFamily::roberta},
      {"XLMRobertaTokenizer", TokenizerFamily::other},
      {"PreTrainedTokenizerFast", TokenizerFamily::other},
      {"Bert", TokenizerFamily::other}};
  for (const auto& [name, family] : cases) {
    const std::string config = concat("{\"tokenizer_class\": \"", name, "\"}");
    EXPECT_EQ(parse(config.c_str()).family, family) << name;
  }
  EXPECT_EQ(parse("{}").family, TokenizerFamily::bert);
}

TEST(TokenizerConfig, OnlyRobertasClassesSetThePrefixSpace) {
  EXPECT_EQ(parse(R"({"tokenizer_class": "RobertaTokenizer"})").add_prefix_space, false);
  EXPECT_EQ(parse(R"({"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true})")
                .add_prefix_space,
            true);
  EXPECT_FALSE(parse(R"({"add_prefix_space": true})").add_prefix_space);
}

TEST(TokenizerConfig, AMaxLengthBeyondAnyModelIsNone) {
  EXPECT_EQ(parse(R"({"model_max_length": 512})").model_max_length, 512);
  EXPECT_EQ(parse(R"({"model_max_length": 512.0})").model_max_length, 512);
  EXPECT_EQ(parse(R"({"model_max_length": 1000000000000000019884624838656})").model_max_length,
            std::nullopt);
  EXPECT_EQ(parse(R"({"model_max_length": null})").model_max_length, std::nullopt);
}

TEST(TokenizerConfig, AddedTokensComeInTheOrderOfTheirIds) {
  const auto config = parse(R"({"added_tokens_decoder": {
      "11": {"content": "b", "lstrip": true, "rstrip": false, "normalized": true, "single_word": false,
             "special": false},
      "9": {"content": "a", "lstrip": false, "rstrip": false, "normalized": false, "single_word": true,
            "special": true}}})");
  ASSERT_EQ(config.added_tokens.size(), 2u);
  EXPECT_EQ(config.added_tokens[0].content, "a");
  EXPECT_EQ(config.added_tokens[0].id, 9);
  EXPECT_TRUE(config.added_tokens[0].single_word);
  EXPECT_TRUE(config.added_tokens[1].lstrip);
}

TEST(TokenizerConfig, RefusesBadValuesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "c.json: expected an object, got an array"},
      {R"({"do_lower_case": "yes"})",
       "c.json: do_lower_case: expected true or false, got a string"},
      {R"({"strip_accents": 0})", "c.json: strip_accents: expected true or false, got 0"},
      {R"({"model_max_length": "512"})",
       "c.json: model_max_length: expected a number, got a string"},
      {R"({"model_max_length": 0})", "c.json: model_max_length: expected 1 or more, got 0"},
      {R"({"model_max_length": -3})", "c.json: model_max_length: expected 1 or more, got -3"},
      {R"({"cls_token": 7})", "c.json: cls_token: expected a string, got 7"},
      {R"({"cls_token": {}})", "c.json: cls_token: expected content, got none"},
      {R"({"added_tokens_decoder": []})",
       "c.json: added_tokens_decoder: expected an object, got an array"},
      {R"({"added_tokens_decoder": {"x": {}}})",
       R"(c.json: added_tokens_decoder: expected ids as keys, got "x")"},
      {R"({"added_tokens_decoder": {"5": 1}})",
       "c.json: added_tokens_decoder: expected an object, got 1"},
      {R"({"added_tokens_decoder": {"-5": {"content": "a"}}})",
       "c.json: added_tokens_decoder: id: expected 0 to 4194303, got -5"},
  };
  for (const auto& [text, message] : cases) {
    SCOPED_TRACE(text);
    expect_error<FormatError>([content = text] { parse(content); }, message);
  }
}

}  // namespace
}  // namespace nopad::text
