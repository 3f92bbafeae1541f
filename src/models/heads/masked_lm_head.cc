#include "nopad/models/masked_lm_head.h"

#include "models/heads/family_heads.h"

namespace nopad::models {

std::vector<ExpectedWeight> MaskedLmHead::expected_weights(const io::ModelConfig& config,
                                                           const WeightSource& source) {
  return HeadLayers::expected_weights(masked_lm_spec(config, source));
}

MaskedLmHead MaskedLmHead::load(const io::ModelConfig& config, const WeightSource& source) {
  return MaskedLmHead(
      std::make_shared<HeadLayers>(HeadLayers::load(masked_lm_spec(config, source), source)));
}

int64_t MaskedLmHead::vocab_size() const noexcept { return layers_->num_outputs(); }

Tensor MaskedLmHead::operator()(const Tensor& hidden) const { return (*layers_)(hidden); }

}  // namespace nopad::models
