#include "nopad/nn/layer_norm.h"

#include "nn/keras_weights.h"
#include "nn/norm_weights.h"
#include "nopad/core/error.h"

namespace nopad::nn {

LayerNorm::LayerNorm(const Config& config) : TokenLayer("LayerNorm"), config_(config) {}

LayerNorm LayerNorm::frozen(ops::LayerNormWeights weights) {
  LayerNorm norm({.eps = weights.eps, .use_bias = weights.bias.num_elements() != 0});
  norm.frozen_ = std::make_shared<ops::LayerNormWeights>(std::move(weights));
  norm.build({});  // nothing is left to make, so threads may share it from the first call
  return norm;
}

LayerNorm LayerNorm::load(const WeightSource& source, std::string_view prefix, int64_t width,
                          float eps) {
  const std::string bias = join(prefix, "bias");
  return frozen({.gain = load_weight(source, join(prefix, "weight"), {width}),
                 .bias = source.contains(bias) ? load_weight(source, bias, {width}) : Tensor(),
                 .eps = eps});
}

const ops::LayerNormWeights& LayerNorm::weights() const {
  if (!is_frozen()) fail<OptionError>("LayerNorm: weights: expected a frozen layer");
  return *frozen_;
}

void LayerNorm::load_keras(const WeightSource& source, std::string_view prefix) const {
  if (config_.use_gain) assign_vector(weight_, source, join_keras(prefix, "gamma"));
  if (config_.use_bias) assign_vector(bias_, source, join_keras(prefix, "beta"));
}

void LayerNorm::make_weights(std::span<const Spec> inputs) const {
  if (is_frozen()) return;
  expect_inputs(inputs.size(), 1);
  const int64_t width = inputs[0].dim(-1, "LayerNorm");
  if (config_.use_gain) weight_.initialize({width}, Initializer::ones());
  if (config_.use_bias) bias_.initialize({width}, Initializer::zeros());
}

Tensor LayerNorm::call(const Tensor& rows) const {
  if (!is_frozen()) {
    return ops::layer_norm(rows, {.gain = config_.use_gain ? *weight_ : ones_like_row(rows),
                                  .bias = config_.use_bias ? *bias_ : Tensor(),
                                  .eps = config_.eps});
  }
  if (is_training()) {
    fail<OptionError>("LayerNorm: training: expected parameters, got weights for inference");
  }
  return ops::layer_norm(rows, *frozen_);
}

void LayerNorm::visit_config(ConfigVisitor& visitor) {
  if (is_frozen()) {
    fail<OptionError>(
        "LayerNorm: config: expected a trained layer, got a frozen one, whose weights can't be "
        "saved");
  }
  visitor.field("eps", config_.eps);
  visitor.field("use_gain", config_.use_gain);
  visitor.field("use_bias", config_.use_bias);
}

}  // namespace nopad::nn
