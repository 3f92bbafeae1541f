#include "nopad/models/sequence_classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "expect_error.h"
#include "models/heads/head_models.h"
#include "models/heads/named_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/softmax.h"
#include "written_tensors.h"

namespace nopad::models {
namespace {

using test::HeadModel;
using test::NamedWeights;
using test::tensor_of;

TEST(SequenceClassifier, EqualsTransformersInEveryFamily) {
  // One, two and three classes in each, and ModernBERT's mean among them.
  test::expect_heads_equal_transformers("classification", "logits", 30, [](const HeadModel& model) {
    return [head = SequenceClassifier::load(model.config, *model.weights)](
               const RaggedTensor& hidden) { return head(hidden); };
  });
}

// Two hidden values, read as they are by an identity of a pooler: tanh, then two classes.
SequenceClassifier tiny_classifier(std::string_view more, int64_t num_classes = 2) {
  const auto config = io::ModelConfig::parse(
      concat(R"({"model_type": "bert", "hidden_size": 2, "num_attention_heads": 1)", more, "}"),
      "config.json");
  const NamedWeights source(
      {{"pooler.dense.weight", tensor_of<float>({2, 2}, {1, 0, 0, 1})},
       {"pooler.dense.bias", tensor_of<float>({2}, {0, 0})},
       {"classifier.weight", tensor_of<float>({2, 2}, {1, 0, 0, 2}).rows(0, num_classes)},
       {"classifier.bias", tensor_of<float>({2}, {0.5f, 0.25f}).rows(0, num_classes)}});
  return SequenceClassifier::load(config, source);
}

TEST(SequenceClassifier, ReadsTheFirstTokenAndZerosOfAnEmptySequence) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 0});
  const RaggedTensor hidden(tensor_of<float>({2, 2}, {1, -1, 9, 9}), layout);
  const float tanh_1 = std::tanh(1.0f);
  test::expect_close(tiny_classifier("")(hidden),
                     tensor_of<float>({2, 2}, {tanh_1 + 0.5f, -2 * tanh_1 + 0.25f, 0.5f, 0.25f}),
                     test::kF32);
}

TEST(SequenceClassifier, AnEmptyBatchGivesNoRows) {
  EXPECT_EQ(tiny_classifier("")(RaggedTensor(Tensor::empty({0, 2}), RaggedLayout())).shape(),
            (Shape{0, 2}));
}

TEST(SequenceClassifier, WithoutLabelsTheyAreNumbered) {
  EXPECT_EQ(tiny_classifier("").labels(), (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(tiny_classifier("", 1).labels(), (std::vector<std::string>{"LABEL_0"}));
  EXPECT_EQ(tiny_classifier(R"(, "id2label": {"1": "good", "0": "bad"})").labels(),
            (std::vector<std::string>{"bad", "good"}));
}

TEST(SequenceClassifier, OtherLabelsThanTheOutputLayerHasAreNamed) {
  test::expect_error<FormatError>([] { tiny_classifier(R"(, "id2label": {"0": "bad"})"); },
                                  "config.json: id2label: expected as many labels as "
                                  "classifier.weight has rows (2), got 1");
  test::expect_error<FormatError>([] { tiny_classifier(R"(, "num_labels": 3)"); },
                                  "config.json: num_labels: expected as many labels as "
                                  "classifier.weight has rows (2), got 3");
}

TEST(SequenceClassifier, ProblemTypeSaysWhatMakesScores) {
  const auto function = [](std::string_view problem_type, int64_t num_classes) {
    const std::string key =
        problem_type.empty() ? "" : concat(R"(, "problem_type": ")", problem_type, R"(")");
    return tiny_classifier(key, num_classes).score_function();
  };
  EXPECT_EQ(function("", 2), ScoreFunction::softmax);
  EXPECT_EQ(function("", 1), ScoreFunction::sigmoid);
  EXPECT_EQ(function("single_label_classification", 2), ScoreFunction::softmax);
  EXPECT_EQ(function("single_label_classification", 1), ScoreFunction::sigmoid);
  EXPECT_EQ(function("multi_label_classification", 2), ScoreFunction::sigmoid);
  EXPECT_EQ(function("regression", 1), ScoreFunction::identity);
  EXPECT_EQ(function("regression", 2), ScoreFunction::identity);
}

TEST(SequenceClassifier, ACrossEncoderNamesItsOwnFunction) {
  const auto function = [](std::string_view more, int64_t num_classes) {
    return tiny_classifier(more, num_classes).rerank_function();
  };
  constexpr std::string_view kIdentity =
      R"(, "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"})";
  constexpr std::string_view kSigmoidOfOld =
      R"(, "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid")";
  EXPECT_EQ(function("", 1), ScoreFunction::sigmoid);
  EXPECT_EQ(function("", 2), ScoreFunction::identity);
  EXPECT_EQ(function(kIdentity, 1), ScoreFunction::identity);
  EXPECT_EQ(function(kSigmoidOfOld, 2), ScoreFunction::sigmoid);
  test::expect_error<FormatError>(
      [] { tiny_classifier(R"(, "sentence_transformers": {"activation_fn": "my.code"})"); },
      "config.json: sentence_transformers: activation_fn: expected "
      "torch.nn.modules.linear.Identity, torch.nn.modules.activation.Sigmoid, torch.nn.Identity or "
      "torch.nn.Sigmoid, got \"my.code\"");
}

TEST(SequenceClassifier, ScoresFollowTheFunction) {
  const Tensor logits = tensor_of<float>({1, 2}, {0, std::log(3.0f)});
  const auto scores = [&](std::string_view problem_type) {
    return tiny_classifier(concat(R"(, "problem_type": ")", problem_type, R"(")")).scores(logits);
  };
  test::expect_close(scores("single_label_classification"),
                     tensor_of<float>({1, 2}, {0.25f, 0.75f}), test::kF32);
  test::expect_close(scores("multi_label_classification"), tensor_of<float>({1, 2}, {0.5f, 0.75f}),
                     test::kF32);
  test::expect_same_bits(scores("regression"), logits);
  test::expect_same_bits(tiny_classifier("").rerank_scores(logits), logits);
}

TEST(SequenceClassifier, NamesAllThatIsMissing) {
  const auto config = io::ModelConfig::parse(
      R"({"model_type": "roberta", "hidden_size": 2, "num_attention_heads": 1})", "config.json");
  test::expect_error<WeightError>(
      [&] { SequenceClassifier::load(config, NamedWeights({})); },
      "weights: missing: classifier.dense.bias, classifier.dense.weight, classifier.out_proj.bias, "
      "classifier.out_proj.weight");
}

}  // namespace
}  // namespace nopad::models
