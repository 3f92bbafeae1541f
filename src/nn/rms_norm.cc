#include "nopad/nn/rms_norm.h"

#include "nn/keras_weights.h"
#include "nn/norm_weights.h"
#include "nopad/ops/rms_norm.h"

namespace nopad::nn {

void RmsNorm::load_keras(const WeightSource& source, std::string_view prefix) const {
  if (config_.use_gain) assign_vector(weight_, source, join_keras(prefix, "scale"));
}

void RmsNorm::make_weights(std::span<const Spec> inputs) const {
  expect_inputs(inputs.size(), 1);
  const int64_t width = inputs[0].dim(-1, "RmsNorm");
  if (config_.use_gain) weight_.initialize({width}, Initializer::ones());
}

Tensor RmsNorm::call(const Tensor& rows) const {
  return ops::rms_norm(
      rows, {.gain = config_.use_gain ? *weight_ : ones_like_row(rows), .eps = config_.eps});
}

void RmsNorm::visit_config(ConfigVisitor& visitor) {
  visitor.field("eps", config_.eps);
  visitor.field("use_gain", config_.use_gain);
}

}  // namespace nopad::nn
