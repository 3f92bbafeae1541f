#include "nopad/runtime/text_classifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "nopad/core/error.h"
#include "runtime/recorded_pipeline.h"
#include "tolerance.h"

namespace nopad {
namespace {

using test::pipeline_directory;

TextClassifier load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return TextClassifier::load(pipeline_directory(name), options);
}

// As transformers' pipeline reads it, for which an empty second text is none.
text::Encoding tokenize(const TextClassifier& classifier, const nlohmann::json& input) {
  if (input.is_string()) return classifier.tokenize(input.get<std::string>());
  const auto first = input.at("text").get<std::string>();
  const auto second = input.at("text_pair").get<std::string>();
  return second.empty() ? classifier.tokenize(first) : classifier.tokenize(first, second);
}

std::vector<text::Encoding> tokenize_all(const TextClassifier& classifier,
                                         const nlohmann::json& inputs) {
  std::vector<text::Encoding> out;
  for (const auto& input : inputs) out.push_back(tokenize(classifier, input));
  return out;
}

class RecordedClassifier : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Directories, RecordedClassifier,
                         testing::Values("bert-classify", "roberta-classify-multi",
                                         "distilbert-score", "distilbert-score-regression"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A recorded output is one label with its score, or a list of them, the best first.
void expect_labels(const TextClassifier& classifier, const Tensor& row,
                   const nlohmann::json& recorded) {
  const auto scores = row.values<float>();
  const nlohmann::json list = recorded.is_array() ? recorded : nlohmann::json::array({recorded});
  for (const auto& item : list) {
    const auto label = std::ranges::find(classifier.labels(), item.at("label").get<std::string>());
    ASSERT_NE(label, classifier.labels().end());
    const auto place = static_cast<size_t>(label - classifier.labels().begin());
    EXPECT_NEAR(scores[place], item.at("score").get<float>(), test::kPipelineScore);
  }
  const auto best = static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
  EXPECT_EQ(list.front().at("label"), classifier.labels()[best]);
}

TEST_P(RecordedClassifier, EqualsThePipeline) {
  const TextClassifier classifier = load(GetParam());
  const auto records = test::load_pipeline(GetParam(), "text-classification");
  ASSERT_GE(records.size(), 3u);
  for (const auto& record : records) {
    const auto texts = tokenize_all(classifier, record.at("inputs"));
    const bool as_logits = record.at("options").contains("function_to_apply");
    const bool has_all = record.at("options").contains("top_k");
    const Tensor rows = as_logits ? classifier.logits(texts) : classifier.scores(texts);
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      if (has_all) {
        EXPECT_EQ(record.at("outputs").at(i).size(), classifier.labels().size());
      }
      expect_labels(classifier, rows.rows(row, row + 1), record.at("outputs").at(i));
    }
  }
}

TEST_P(RecordedClassifier, ATextHasTheSameBitsInAnyCompany) {
  const TextClassifier one = load(GetParam(), {.num_threads = 1});
  const TextClassifier two = load(GetParam(), {.num_threads = 2, .batch_tokens = 40});
  const auto inputs = test::load_pipeline(GetParam(), "text-classification").at(0).at("inputs");
  const auto texts = tokenize_all(one, inputs);
  const Tensor rows = one.scores(texts);
  test::expect_same_bits(two.scores(texts), rows);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    test::expect_same_bits(two.scores(std::span(texts).subspan(i, 1)), rows.rows(row, row + 1));
  }
}

// An empty second text is left out: it was recorded as a single text, which this refuses.
TEST(NextSentence, EqualsTransformers) {
  for (const std::string name : {"bert-next-sentence", "bert-fill-mask"}) {
    const TextClassifier classifier = load(name);
    EXPECT_TRUE(classifier.wants_pairs());
    EXPECT_TRUE(classifier.is_exclusive());
    EXPECT_EQ(classifier.labels(), (std::vector<std::string>{"next", "random"}));
    for (const auto& record : test::load_pipeline(name, "next-sentence")) {
      const bool as_logits = record.at("options").contains("function_to_apply");
      for (size_t i = 0; i < record.at("inputs").size(); ++i) {
        const auto& input = record.at("inputs").at(i);
        if (input.at("text_pair") == "") continue;
        const std::vector<text::Encoding> pair = {tokenize(classifier, input)};
        const Tensor row = as_logits ? classifier.logits(pair) : classifier.scores(pair);
        test::expect_close(row.values<float>(),
                           record.at("outputs").at(i).get<std::vector<float>>(), test::kF32Model);
      }
    }
  }
}

TEST(NextSentence, ASingleTextIsRefused) {
  const auto directory = pipeline_directory("bert-next-sentence");
  test::expect_error<OptionError>(
      [&] { load("bert-next-sentence").tokenize("a"); },
      concat("TextClassifier: expected a pair of texts, which is what the model at ",
             directory.string(), " reads, got one text"));
}

TEST(TextClassifier, SaysWhetherItsLabelsExcludeEachOther) {
  EXPECT_TRUE(load("bert-classify").is_exclusive());
  EXPECT_FALSE(load("roberta-classify-multi").is_exclusive());
  EXPECT_FALSE(load("distilbert-score").is_exclusive());
  EXPECT_FALSE(load("bert-classify").wants_pairs());
}

TEST(TextClassifier, TextsAndPairsAreTokenizedOnTheWay) {
  const TextClassifier classifier = load("bert-classify");
  const std::vector<std::string> texts = {"The ferry leaves.", ""};
  const std::vector<text::Encoding> encodings = {classifier.tokenize(texts[0]),
                                                 classifier.tokenize(texts[1])};
  test::expect_same_bits(classifier.classify(texts), classifier.scores(encodings));
  const std::vector<std::pair<std::string, std::string>> pairs = {{"a", "b"}};
  const std::vector<text::Encoding> pair = {classifier.tokenize("a", "b")};
  test::expect_same_bits(classifier.classify(pairs), classifier.scores(pair));
}

TEST(TextClassifier, NoTextsGiveNoRows) {
  const TextClassifier classifier = load("bert-classify");
  EXPECT_EQ(classifier.classify(std::span<const std::string>()).shape(), (Shape{0, 3}));
}

TEST(TextClassifier, NamesTheTextThatItCanNotRead) {
  const TextClassifier classifier = load("bert-classify", {.max_length = 4, .truncate = false});
  const std::vector<std::string> invalid = {"a", "\xff"}, too_long = {"a", "b", "a b c d e"};
  const auto message_of = [&](const std::vector<std::string>& texts) -> std::string {
    try {
      classifier.classify(texts);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_EQ(message_of(invalid).rfind("text 1: ", 0), 0u) << message_of(invalid);
  EXPECT_EQ(message_of(too_long).rfind("text 2: ", 0), 0u) << message_of(too_long);
}

TEST(TextClassifier, AnotherHeadIsNamed) {
  for (const auto& [name, got] : {std::pair("bert-tag", "BertForTokenClassification"),
                                  {"bert-embed", "BertModel"},
                                  {"roberta-fill-mask", "RobertaForMaskedLM"}}) {
    const auto directory = pipeline_directory(name);
    test::expect_error<FormatError>(
        [&] { TextClassifier::load(directory); },
        concat(directory.string(), ": expected a head for sequence classification, got ", got));
  }
}

// The classifier's output layer has three rows.
TEST(TextClassifier, LabelsThatDoNotFitTheWeightsAreRefused) {
  const test::ScratchDirectory folder;
  const auto model = folder / "model";
  std::filesystem::copy(pipeline_directory("bert-classify"), model);
  auto config = nlohmann::json::parse(test::content_of(model / "config.json"));
  config["id2label"] = {{"0", "a"}, {"1", "b"}};
  config["label2id"] = {{"a", 0}, {"b", 1}};
  folder.write("model/config.json", config.dump());
  EXPECT_THROW(TextClassifier::load(model), FormatError);
}

TEST(TextClassifier, ATruncatedCheckpointIsRefused) {
  const test::ScratchDirectory folder;
  const auto model = folder / "model";
  std::filesystem::copy(pipeline_directory("bert-classify"), model);
  std::filesystem::resize_file(model / "model.safetensors", 20000);
  EXPECT_THROW(TextClassifier::load(model), FormatError);
}

}  // namespace
}  // namespace nopad
