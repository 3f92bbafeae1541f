#include "nopad/models/token_classifier.h"

#include "models/heads/family_heads.h"

namespace nopad::models {

std::vector<ExpectedWeight> TokenClassifier::expected_weights(const io::ModelConfig& config,
                                                              const WeightSource& source) {
  return HeadLayers::expected_weights(token_classifier_spec(config, source));
}

TokenClassifier TokenClassifier::load(const io::ModelConfig& config, const WeightSource& source) {
  const HeadSpec spec = token_classifier_spec(config, source);
  TokenClassifier classifier;
  classifier.layers_ = std::make_shared<HeadLayers>(HeadLayers::load(spec, source));
  classifier.labels_ = head_labels(config, spec);
  return classifier;
}

RaggedTensor TokenClassifier::operator()(const RaggedTensor& hidden) const {
  return hidden.with_values((*layers_)(hidden.values()));
}

}  // namespace nopad::models
