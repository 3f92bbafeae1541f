#include "nopad/nn/dropout.h"

#include <cmath>

#include "nopad/core/error.h"
#include "nopad/ops/dropout.h"

namespace nopad::nn {
namespace {

// 53 bits of the stream that initial weights come from.
int64_t draw_seed() {
  const Tensor draw = make_initialized(Initializer::uniform(1), {1}, DType::f64);
  return static_cast<int64_t>(std::abs(draw.values<double>()[0]) * 0x1p53);
}

}  // namespace

Dropout::Dropout(const Config& config) : LayerOf("Dropout"), config_(config) {
  if (!(config_.rate >= 0 && config_.rate <= 1)) {
    fail<OptionError>("Dropout: rate: expected 0 to 1, got ", config_.rate);
  }
  if (config_.seed == kDrawn) config_.seed = draw_seed();
}

std::vector<Value> Dropout::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), 1);
  if (!is_training() || config_.rate == 0) return {inputs[0]};
  const ops::DropoutConfig draw{.rate = config_.rate,
                                .seed = static_cast<uint64_t>(config_.seed),
                                .step = step_->fetch_add(1)};
  if (inputs[0].is_ragged()) return {ops::dropout(inputs[0].ragged(), draw)};
  return {ops::dropout(inputs[0].dense(), draw)};
}

void Dropout::visit_config(ConfigVisitor& visitor) {
  visitor.field("rate", config_.rate);
  visitor.field("seed", config_.seed);
}

}  // namespace nopad::nn
