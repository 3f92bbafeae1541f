#include "nopad/nn/pooling.h"

#include <array>

namespace nopad::nn {
namespace {

ops::PoolConfig to_ops(const PoolingConfig& config) {
  return {.window = config.pool_size, .stride = config.strides, .padding = to_ops(config.padding)};
}

void visit(ConfigVisitor& visitor, PoolingConfig& config) {
  visitor.field("pool_size", config.pool_size);
  visitor.field("strides", config.strides);
  visit_padding(visitor, config.padding);
}

}  // namespace

void MaxPooling1D::visit_config(ConfigVisitor& visitor) { visit(visitor, config_); }

RaggedTensor MaxPooling1D::call(const RaggedTensor& x) const {
  return ops::max_pool(x, to_ops(config_));
}

void AveragePooling1D::visit_config(ConfigVisitor& visitor) {
  constexpr std::array<std::string_view, 2> kOver = {"real_tokens", "window"};
  visit(visitor, config_);
  visitor.choice("average_over", over_, kOver);
}

RaggedTensor AveragePooling1D::call(const RaggedTensor& x) const {
  return ops::average_pool(x, to_ops(config_), over_);
}

}  // namespace nopad::nn
