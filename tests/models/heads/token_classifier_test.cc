#include "nopad/models/token_classifier.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.h"
#include "models/heads/head_models.h"
#include "models/heads/named_weights.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

using test::HeadModel;

TEST(TokenClassifier, EqualsTransformersInEveryFamily) {
  test::expect_heads_equal_transformers(
      "token-classification", "logits", 10, [](const HeadModel& model) {
        return [head = TokenClassifier::load(model.config, *model.weights)](
                   const RaggedTensor& hidden) { return head(hidden); };
      });
}

TEST(TokenClassifier, LabelsAreThoseOfTheConfig) {
  const HeadModel model("bert-odd-head-token-classification");
  EXPECT_EQ(TokenClassifier::load(model.config, *model.weights).labels(),
            (std::vector<std::string>{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}));
}

TEST(TokenClassifier, KeepsTheLayoutAndItsEmptySequences) {
  const HeadModel model("bert-odd-head-token-classification");
  const auto head = TokenClassifier::load(model.config, *model.weights);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{0, 2, 0});
  const int64_t width = model.encoder.config().hidden_size;
  const RaggedTensor logits = head(RaggedTensor(Tensor::zeros({2, width}), layout));
  EXPECT_EQ(logits.layout(), layout);
  EXPECT_EQ(logits.values().shape(), (Shape{2, 5}));
}

TEST(TokenClassifier, OtherLabelsThanTheOutputLayerHasAreNamed) {
  const auto config = io::ModelConfig::parse(
      R"({"model_type": "bert", "hidden_size": 4, "num_attention_heads": 2,
          "id2label": {"0": "O", "1": "B"}})",
      "config.json");
  const test::NamedWeights source(
      {{"classifier.weight", Tensor::zeros({3, 4})}, {"classifier.bias", Tensor::zeros({3})}});
  test::expect_error<FormatError>([&] { TokenClassifier::load(config, source); },
                                  "config.json: id2label: expected as many labels as "
                                  "classifier.weight has rows (3), got 2");
}

}  // namespace
}  // namespace nopad::models
