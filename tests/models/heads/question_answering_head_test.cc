#include "nopad/models/question_answering_head.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "models/heads/head_models.h"
#include "models/heads/named_weights.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

using test::HeadModel;

TEST(QuestionAnsweringHead, EqualsTransformersInEveryFamily) {
  const auto load = [](const HeadModel& model) {
    return QuestionAnsweringHead::load(model.config, *model.weights);
  };
  test::expect_heads_equal_transformers(
      "question-answering", "start_logits", 9, [&](const HeadModel& model) {
        return [head = load(model)](const RaggedTensor& hidden) { return head(hidden).start; };
      });
  test::expect_heads_equal_transformers(
      "question-answering", "end_logits", 9, [&](const HeadModel& model) {
        return [head = load(model)](const RaggedTensor& hidden) { return head(hidden).end; };
      });
}

TEST(QuestionAnsweringHead, NoTokensGiveNoLogits) {
  const HeadModel model("bert-odd-head-question-answering");
  const auto head = QuestionAnsweringHead::load(model.config, *model.weights);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{0, 0});
  const auto [start, end] =
      head(RaggedTensor(Tensor::empty({0, model.encoder.config().hidden_size}), layout));
  EXPECT_EQ(start.values().shape(), (Shape{0}));
  EXPECT_EQ(end.layout(), layout);
}

TEST(QuestionAnsweringHead, OtherOutputsThanTwoAreMisshapen) {
  const auto config = io::ModelConfig::parse(
      R"({"model_type": "bert", "hidden_size": 4, "num_attention_heads": 2})", "config.json");
  const test::NamedWeights source({{"qa_outputs.weight", Tensor::zeros({3, 4})}});
  test::expect_error<WeightError>([&] { QuestionAnsweringHead::load(config, source); },
                                  "weights: missing: qa_outputs.bias; misshapen: "
                                  "qa_outputs.weight: expected [2, 4], got [3, 4]");
}

TEST(QuestionAnsweringHead, AFamilyWithoutOneIsNamed) {
  const auto config = io::ModelConfig::parse(R"({"model_type": "nomic_bert"})", "config.json");
  test::expect_error<FormatError>(
      [&] { QuestionAnsweringHead::expected_weights(config); },
      "config.json: model_type: expected a family with a question answering head, got "
      "\"nomic_bert\"");
}

}  // namespace
}  // namespace nopad::models
