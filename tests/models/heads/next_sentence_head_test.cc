#include "nopad/models/next_sentence_head.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "models/heads/head_models.h"
#include "models/heads/named_weights.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

using test::HeadModel;

auto pool_and_classify(const HeadModel& model) {
  return [head = NextSentenceHead::load(model.config, *model.weights), encoder = model.encoder](
             const RaggedTensor& hidden) { return head(encoder.pool(hidden)); };
}

TEST(NextSentenceHead, EqualsTransformersAloneAndInPreTraining) {
  test::expect_heads_equal_transformers("next-sentence", "logits", 1, pool_and_classify);
  for (const char* const name : {"bert-odd-head-pre-training", "albert-odd-head-pre-training"}) {
    SCOPED_TRACE(name);
    const HeadModel model(name);
    const bool is_bert = model.config.model_type() == "bert";
    test::expect_recorded(model, is_bert ? "seq_relationship_logits" : "sop_logits",
                          pool_and_classify(model), test::kF32Logits);
    test::expect_batch_equals_alone(pool_and_classify(model), model.hidden);
  }
}

TEST(NextSentenceHead, NoSequencesGiveNoRows) {
  const HeadModel model("bert-odd-head-next-sentence");
  const auto head = NextSentenceHead::load(model.config, *model.weights);
  EXPECT_EQ(head(Tensor::empty({0, model.encoder.config().hidden_size})).shape(), (Shape{0, 2}));
}

TEST(NextSentenceHead, AFamilyWithoutOneIsNamed) {
  const auto config = io::ModelConfig::parse(R"({"model_type": "roberta"})", "config.json");
  test::expect_error<FormatError>(
      [&] { NextSentenceHead::load(config, test::NamedWeights({})); },
      "config.json: model_type: expected a family with a next-sentence head, got \"roberta\"");
}

}  // namespace
}  // namespace nopad::models
