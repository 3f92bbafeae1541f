#include "nopad/nn/time_distributed.h"

#include "nopad/core/error.h"

namespace nopad::nn {

TimeDistributed::TimeDistributed(const Config& config)
    : TokenLayer("TimeDistributed"), config_(config) {
  adopt();
}

void TimeDistributed::adopt() {
  if (config_.layer == nullptr) return;
  const MaskRule rule = config_.layer->mask_rule();
  if (rule != MaskRule::passes && rule != MaskRule::refuses) {
    fail<LayoutError>("TimeDistributed: ", config_.layer->kind(),
                      ": expected a layer for dense values, whose rule is passes or refuses, got ",
                      rule, "; one that takes tokens needs no TimeDistributed");
  }
  add_layer("layer", config_.layer);
}

void TimeDistributed::make_weights(std::span<const Spec> inputs) const {
  expect_inputs(inputs.size(), 1);
  if (config_.layer == nullptr) fail<OptionError>("TimeDistributed: layer: expected one, got none");
  const Spec token = Spec::dense(inputs[0].row, inputs[0].dtype);
  config_.layer->build({&token, 1});
}

Tensor TimeDistributed::call(const Tensor& rows) const {
  const Value batch = rows;
  const std::vector<Value> out = config_.layer->apply({&batch, 1});
  return out.front().dense("TimeDistributed");
}

void TimeDistributed::visit_config(ConfigVisitor& visitor) {
  visitor.field("layer", config_.layer);
  adopt();
}

}  // namespace nopad::nn
