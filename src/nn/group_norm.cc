#include "nopad/nn/group_norm.h"

#include "nn/keras_weights.h"
#include "nn/norm_weights.h"
#include "nopad/ops/group_norm.h"

namespace nopad::nn {

void GroupNorm::load_keras(const WeightSource& source, std::string_view prefix) const {
  if (config_.use_gain) assign_vector(weight_, source, join_keras(prefix, "gamma"));
  if (config_.use_bias) assign_vector(bias_, source, join_keras(prefix, "beta"));
}

void GroupNorm::make_weights(std::span<const Spec> inputs) const {
  expect_inputs(inputs.size(), 1);
  const int64_t channels = inputs[0].dim(-1, "GroupNorm");
  if (config_.use_gain) weight_.initialize({channels}, Initializer::ones());
  if (config_.use_bias) bias_.initialize({channels}, Initializer::zeros());
}

RaggedTensor GroupNorm::call(const RaggedTensor& x) const {
  const bool is_instance_norm = config_.num_groups == kEachChannel;
  return ops::group_norm(x,
                         {.gain = config_.use_gain ? *weight_ : Tensor(),
                          .bias = config_.use_bias ? *bias_ : Tensor(),
                          .num_groups = is_instance_norm ? x.values().dim(-1) : config_.num_groups,
                          .eps = config_.eps});
}

void GroupNorm::visit_config(ConfigVisitor& visitor) {
  visitor.field("num_groups", config_.num_groups);
  visitor.field("eps", config_.eps);
  visitor.field("use_gain", config_.use_gain);
  visitor.field("use_bias", config_.use_bias);
}

}  // namespace nopad::nn
