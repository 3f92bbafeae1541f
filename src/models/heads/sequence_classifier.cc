#include "nopad/models/sequence_classifier.h"

#include <array>
#include <span>

#include "io/config_keys.h"
#include "models/heads/family_heads.h"
#include "nopad/core/error.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/pool.h"
#include "nopad/ops/softmax.h"

namespace nopad::models {
namespace {

ScoreFunction score_function_of(const io::ModelConfig& config, int64_t num_classes) {
  const std::string type = config.problem_type().value_or("");
  if (type == "regression") return ScoreFunction::identity;
  const bool is_multi_label = type == "multi_label_classification" || num_classes == 1;
  return is_multi_label ? ScoreFunction::sigmoid : ScoreFunction::softmax;
}

// Today's key, and the one from before sentence-transformers 4.
ScoreFunction rerank_function_of(const io::ModelConfig& config, int64_t num_classes) {
  constexpr std::array<io::Named<ScoreFunction>, 4> kClasses = {
      {{"torch.nn.modules.linear.Identity", ScoreFunction::identity},
       {"torch.nn.modules.activation.Sigmoid", ScoreFunction::sigmoid},
       {"torch.nn.Identity", ScoreFunction::identity},
       {"torch.nn.Sigmoid", ScoreFunction::sigmoid}}};
  const std::span<const io::Named<ScoreFunction>> classes = kClasses;
  const io::ConfigKeys keys(config);
  ScoreFunction function = num_classes == 1 ? ScoreFunction::sigmoid : ScoreFunction::identity;
  keys.read("sbert_ce_default_activation_function", classes, function);
  if (const auto own = keys.find_object("sentence_transformers")) {
    own->read("activation_fn", classes, function);
  }
  return function;
}

Tensor apply(ScoreFunction function, const Tensor& logits) {
  switch (function) {
    case ScoreFunction::identity: return logits;
    case ScoreFunction::sigmoid: return ops::sigmoid(logits);
    case ScoreFunction::softmax: return ops::softmax(logits);
  }
  fail<InternalError>("SequenceClassifier: got an unknown score function");
}

}  // namespace

std::string_view to_string(ScoreFunction function) noexcept {
  switch (function) {
    case ScoreFunction::identity: return "identity";
    case ScoreFunction::sigmoid: return "sigmoid";
    case ScoreFunction::softmax: return "softmax";
  }
  return "?";
}

std::vector<ExpectedWeight> SequenceClassifier::expected_weights(const io::ModelConfig& config,
                                                                 const WeightSource& source) {
  return HeadLayers::expected_weights(sequence_classifier_spec(config, source));
}

SequenceClassifier SequenceClassifier::load(const io::ModelConfig& config,
                                            const WeightSource& source) {
  const HeadSpec spec = sequence_classifier_spec(config, source);
  SequenceClassifier classifier;
  classifier.layers_ = std::make_shared<HeadLayers>(HeadLayers::load(spec, source));
  classifier.pooling_ = classifier_pooling(config);
  classifier.labels_ = head_labels(config, spec);
  classifier.score_function_ = score_function_of(config, spec.num_outputs);
  classifier.rerank_function_ = rerank_function_of(config, spec.num_outputs);
  return classifier;
}

Tensor SequenceClassifier::operator()(const RaggedTensor& hidden) const {
  return (*layers_)(ops::pool(hidden, pooling_));
}

Tensor SequenceClassifier::scores(const Tensor& logits) const {
  return apply(score_function_, logits);
}

Tensor SequenceClassifier::rerank_scores(const Tensor& logits) const {
  return apply(rerank_function_, logits);
}

}  // namespace nopad::models
