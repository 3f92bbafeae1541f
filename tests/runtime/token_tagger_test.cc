#include "nopad/runtime/token_tagger.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "runtime/recorded_pipeline.h"

namespace nopad {
namespace {

using test::pipeline_directory;

TokenTagger load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return TokenTagger::load(pipeline_directory(name), options);
}

std::vector<std::string> recorded_texts(const std::string& name) {
  return test::load_pipeline(name, "token-classification")
      .at(0)
      .at("inputs")
      .get<std::vector<std::string>>();
}

void expect_recorded(const std::vector<TaggedSpan>& found, const nlohmann::json& expected,
                     const std::string& text) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& entity = expected[i];
    const char* key = entity.contains("entity") ? "entity" : "entity_group";
    EXPECT_EQ(found[i].label, entity.at(key).get<std::string>());
    EXPECT_NEAR(found[i].score, entity.at("score").get<float>(), test::kPipelineScore);
    EXPECT_EQ(found[i].span, test::span_of(entity, text));
  }
}

class RecordedTagger : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, RecordedTagger, testing::Values("bert-tag", "roberta-tag"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(RecordedTagger, EqualsThePipelineUnderEveryAggregation) {
  const TokenTagger tagger = load(GetParam());
  const auto records = test::load_pipeline(GetParam(), "token-classification");
  ASSERT_EQ(records.size(), 5u);
  for (const auto& record : records) {
    const std::string name = record.at("options").at("aggregation_strategy");
    const auto texts = record.at("inputs").get<std::vector<std::string>>();
    const auto found = tagger.tag(texts, {.aggregation = aggregation_from_string(name)});
    for (size_t i = 0; i < texts.size(); ++i) {
      SCOPED_TRACE(name + ": " + texts[i]);
      expect_recorded(found.at(i), record.at("outputs")[i], texts[i]);
    }
  }
}

TEST_P(RecordedTagger, ATextHasTheSameBitsInAnyCompany) {
  const auto texts = recorded_texts(GetParam());
  const TokenTagger one = load(GetParam(), {.num_threads = 1});
  const TokenTagger two = load(GetParam(), {.num_threads = 2, .batch_tokens = 10});
  for (const TagOptions& options : {TagOptions{}, TagOptions{.stride = 20}}) {
    const auto together = one.tag(texts, options);
    const auto apart = two.tag(texts, options);
    for (size_t i = 0; i < texts.size(); ++i) {
      SCOPED_TRACE(texts[i]);
      EXPECT_EQ(apart[i], together[i]);
      EXPECT_EQ(one.tag(std::span(&texts[i], 1), options).at(0), together[i]);
    }
  }
}

TEST(TokenTagger, KnowsItsLabels) {
  EXPECT_EQ(load("bert-tag").labels(),
            (std::vector<std::string>{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}));
}

void expect_near(const std::vector<TaggedSpan>& found, const std::vector<TaggedSpan>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].label, expected[i].label);
    EXPECT_NEAR(found[i].score, expected[i].score, test::kPipelineScore);
    EXPECT_EQ(found[i].span, expected[i].span);
  }
}

// Recorded of the pipeline of transformers 5.23 with stride=8 and this aggregation.
TEST(TokenTagger, ReadsALongTextInWindows) {
  const std::vector<std::string> texts = {recorded_texts("bert-tag").back()};
  const TagOptions options{.aggregation = Aggregation::max, .stride = 8};
  const TokenTagger tagger = load("bert-tag");
  EXPECT_GT(tagger.tokenize(texts[0], options).size(), 2u);
  expect_near(tagger.tag(texts, options).at(0), {{"PER", 0.5094699F, {0, 62}},
                                                 {"PER", 0.5089431F, {63, 118}},
                                                 {"PER", 0.5253222F, {118, 165}},
                                                 {"PER", 0.504958F, {166, 191}},
                                                 {"LOC", 0.5883498F, {191, 192}},
                                                 {"PER", 0.4753348F, {193, 213}},
                                                 {"PER", 0.5079074F, {214, 224}},
                                                 {"PER", 0.4694954F, {225, 229}},
                                                 {"PER", 0.4762674F, {230, 259}},
                                                 {"PER", 0.5388183F, {260, 270}},
                                                 {"PER", 0.3987521F, {270, 271}},
                                                 {"PER", 0.4368187F, {271, 272}},
                                                 {"LOC", 0.4837445F, {273, 281}},
                                                 {"PER", 0.3850883F, {281, 282}},
                                                 {"PER", 0.4548456F, {289, 308}},
                                                 {"PER", 0.5364389F, {309, 325}},
                                                 {"LOC", 0.6406549F, {326, 337}},
                                                 {"PER", 0.4474508F, {338, 341}},
                                                 {"PER", 0.455674F, {348, 354}}});
}

TEST(TokenTagger, ReadsALongTextInWindowsWithoutContinuingPrefix) {
  const std::vector<std::string> texts = {recorded_texts("roberta-tag").back()};
  expect_near(
      load("roberta-tag").tag(texts, {.aggregation = Aggregation::first, .stride = 8}).at(0),
      {{"LOC", 0.2820102F, {19, 25}},   {"PER", 0.3848426F, {26, 30}},
       {"PER", 0.3863713F, {43, 52}},   {"PER", 0.4024884F, {59, 62}},
       {"PER", 0.2668202F, {63, 67}},   {"PER", 0.2988144F, {74, 74}},
       {"PER", 0.4093126F, {83, 86}},   {"PER", 0.4685056F, {120, 130}},
       {"PER", 0.4425804F, {148, 151}}, {"PER", 0.6485019F, {158, 165}},
       {"PER", 0.699283F, {174, 179}},  {"LOC", 0.5325181F, {193, 196}},
       {"PER", 0.4934703F, {230, 248}}, {"PER", 0.4928124F, {264, 272}},
       {"PER", 0.7755232F, {283, 288}}, {"LOC", 0.3190701F, {289, 292}},
       {"PER", 0.4269549F, {293, 293}}, {"PER", 0.6334472F, {309, 310}},
       {"PER", 0.425951F, {320, 320}},  {"LOC", 0.4083425F, {320, 320}},
       {"PER", 0.4788491F, {320, 337}}, {"PER", 0.6029556F, {342, 354}}});
}

TEST(TokenTagger, AStrideChangesNothingOfAShortText) {
  const TokenTagger tagger = load("bert-tag");
  const std::vector<std::string> texts = {recorded_texts("bert-tag").at(4)};
  EXPECT_EQ(tagger.tokenize(texts[0], {.stride = 8}).size(), 1u);
  EXPECT_EQ(tagger.tag(texts, {.stride = 8}).at(0), tagger.tag(texts).at(0));
}

TEST(TokenTagger, NoTextsGiveNothing) {
  EXPECT_TRUE(load("bert-tag").tag(std::span<const std::string>{}).empty());
}

TEST(TokenTagger, RefusesTextsThatItCantRead) {
  const TokenTagger tagger = load("bert-tag", {.max_length = 4, .truncate = false});
  const std::vector<std::string> texts = {"a", "a b c"};
  test::expect_error<LimitError>(
      [&] { tagger.tag(texts); },
      "text 1: encode: text: expected at most 4 tokens without truncation, got 5");
  EXPECT_EQ(tagger.tag(texts, {.stride = 1}).size(), 2u) << "read in windows, nothing is cut";
}

TEST(TokenTagger, RefusesOptionsThatMakeNoSense) {
  const TokenTagger tagger = load("bert-tag");
  test::expect_error<OptionError>(
      [&] { tagger.tokenize("a", {.aggregation = Aggregation::none, .stride = 1}); },
      "TokenTagger: stride: expected an aggregation other than none with it");
  test::expect_error<OptionError>([&] { tagger.tokenize("a", {.stride = -1}); },
                                  "encode_windows: stride: expected 0 or more, got -1");
  test::expect_error<OptionError>(
      [&] { aggregation_from_string("mean"); },
      "aggregation: expected none, simple, first, max or average, got mean");
}

TEST(TokenTagger, RefusesWindowsOfOtherTexts) {
  const TokenTagger tagger = load("bert-tag");
  const std::vector<std::string> texts = {"a"};
  const std::vector<std::vector<text::Encoding>> other = {tagger.tokenize("a b")};
  test::expect_error<ShapeError>(
      [&] { tagger.tag(texts, other); },
      "windows: expected tokens within the 1 bytes of their text, got one that ends at 3");
  test::expect_error<ShapeError>(
      [&] { tagger.tag(texts, std::vector<std::vector<text::Encoding>>{}); },
      "TokenTagger: windows: expected those of 1 texts, got 0");
}

TEST(TokenTagger, RefusesDirectoriesWithoutItsHead) {
  for (const auto& [name, got] : {std::pair("bert-fill-mask", "BertForPreTraining"),
                                  std::pair("bert-classify", "BertForSequenceClassification"),
                                  std::pair("bert-answer", "BertForQuestionAnswering"),
                                  std::pair("bert-embed", "BertModel")}) {
    const auto directory = pipeline_directory(name);
    test::expect_error<FormatError>(
        [&] { TokenTagger::load(directory); },
        directory.string() + ": expected a head for token classification, got " + got);
  }
}

}  // namespace
}  // namespace nopad
