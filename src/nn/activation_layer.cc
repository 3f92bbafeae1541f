#include "nopad/nn/activation_layer.h"

#include "nopad/ops/elementwise.h"

namespace nopad::nn {

Tensor ActivationLayer::call(const Tensor& rows) const {
  return ops::activate(rows, config_.activation);
}

void ActivationLayer::visit_config(ConfigVisitor& visitor) {
  visitor.field("activation", config_.activation);
}

}  // namespace nopad::nn
