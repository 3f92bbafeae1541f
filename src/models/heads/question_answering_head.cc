#include "nopad/models/question_answering_head.h"

#include "models/heads/family_heads.h"
#include "nopad/ops/rearrange.h"

namespace nopad::models {

std::vector<ExpectedWeight> QuestionAnsweringHead::expected_weights(const io::ModelConfig& config) {
  return HeadLayers::expected_weights(question_answering_spec(config));
}

QuestionAnsweringHead QuestionAnsweringHead::load(const io::ModelConfig& config,
                                                  const WeightSource& source) {
  return QuestionAnsweringHead(
      std::make_shared<HeadLayers>(HeadLayers::load(question_answering_spec(config), source)));
}

AnswerLogits QuestionAnsweringHead::operator()(const RaggedTensor& hidden) const {
  const std::vector<Tensor> parts = ops::split((*layers_)(hidden.values()), 2, 1);
  return {.start = hidden.with_values(ops::squeeze(parts[0], 1)),
          .end = hidden.with_values(ops::squeeze(parts[1], 1))};
}

}  // namespace nopad::models
