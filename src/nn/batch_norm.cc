#include "nopad/nn/batch_norm.h"

#include <array>

#include "nn/keras_weights.h"
#include "nn/norm_weights.h"

namespace nopad::nn {

BatchNorm::Config BatchNorm::Config::pytorch(double momentum, float eps) {
  return {.rate = momentum, .eps = eps, .running_variance = ops::RunningVariance::unbiased};
}

BatchNorm::Config BatchNorm::Config::keras(double momentum, float eps) {
  return {.rate = 1 - momentum, .eps = eps, .running_variance = ops::RunningVariance::biased};
}

void BatchNorm::load_keras(const WeightSource& source, std::string_view prefix) const {
  if (config_.use_gain) assign_vector(weight_, source, join_keras(prefix, "gamma"));
  if (config_.use_bias) assign_vector(bias_, source, join_keras(prefix, "beta"));
  assign_vector(running_mean_, source, join_keras(prefix, "moving_mean"));
  assign_vector(running_variance_, source, join_keras(prefix, "moving_variance"));
}

void BatchNorm::make_weights(std::span<const Spec> inputs) const {
  expect_inputs(inputs.size(), 1);
  const int64_t channels = inputs[0].dim(-1, "BatchNorm");
  if (config_.use_gain) weight_.initialize({channels}, Initializer::ones());
  if (config_.use_bias) bias_.initialize({channels}, Initializer::zeros());
  running_mean_.initialize({channels}, Initializer::zeros());
  running_variance_.initialize({channels}, Initializer::ones());
}

Tensor BatchNorm::call(const Tensor& rows) const {
  const ops::BatchNormWeights weights{.gain = config_.use_gain ? *weight_ : Tensor(),
                                      .bias = config_.use_bias ? *bias_ : Tensor(),
                                      .eps = config_.eps};
  if (!is_training()) return ops::batch_norm(rows, weights, *running_mean_, *running_variance_);
  const ops::BatchNormResult result = ops::batch_norm_training(rows, weights);
  const ops::RunningStatistics running =
      ops::update_running({*running_mean_, *running_variance_}, result.statistics,
                          {.rate = config_.rate, .variance = config_.running_variance});
  running_mean_.assign(running.mean);
  running_variance_.assign(running.variance);
  return result.y;
}

void BatchNorm::visit_config(ConfigVisitor& visitor) {
  static constexpr std::array<std::string_view, 2> kVariances = {"unbiased", "biased"};
  visitor.field("rate", config_.rate);
  visitor.field("eps", config_.eps);
  visitor.choice("running_variance", config_.running_variance, kVariances);
  visitor.field("use_gain", config_.use_gain);
  visitor.field("use_bias", config_.use_bias);
}

}  // namespace nopad::nn
