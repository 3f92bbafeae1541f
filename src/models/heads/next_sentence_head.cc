#include "nopad/models/next_sentence_head.h"

#include "models/heads/family_heads.h"

namespace nopad::models {

bool NextSentenceHead::is_in(const io::ModelConfig& config, const WeightSource& source) {
  return has_next_sentence_head(config) &&
         source.contains(next_sentence_spec(config).output_weight);
}

std::vector<ExpectedWeight> NextSentenceHead::expected_weights(const io::ModelConfig& config) {
  return HeadLayers::expected_weights(next_sentence_spec(config));
}

NextSentenceHead NextSentenceHead::load(const io::ModelConfig& config, const WeightSource& source) {
  return NextSentenceHead(
      std::make_shared<HeadLayers>(HeadLayers::load(next_sentence_spec(config), source)));
}

Tensor NextSentenceHead::operator()(const Tensor& pooled) const { return (*layers_)(pooled); }

}  // namespace nopad::models
