#include "nopad/nn/gru.h"

#include <array>

namespace nopad::nn {

RecurrentCell GRU::cell() const noexcept {
  const bool is_after = reset_ == ops::GruReset::after;
  return {.num_gates = 3,
          .keras_gates = {1, 0, 2},
          .has_recurrent_bias = is_after,
          .is_in_pytorch = is_after};
}

Recurrent::Steps GRU::walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
                           const Tensor& recurrent_bias, const States& first,
                           ops::Direction direction) const {
  ops::RecurrentResult result = ops::gru_recurrence(
      gates, recurrent_weight, recurrent_bias, first.h, {.direction = direction, .reset = reset_});
  return {std::move(result.output), {.h = std::move(result.h)}};
}

GRU::Result GRU::operator()(const RaggedTensor& x, const Tensor& h0) const {
  Steps steps = run(x, {.h = h0});
  return {std::move(steps.output), std::move(steps.last.h)};
}

void GRU::visit_config(ConfigVisitor& visitor) {
  constexpr std::array<std::string_view, 2> kResets = {"after", "before"};
  Recurrent::visit_config(visitor);
  visitor.choice("reset", reset_, kResets);
}

std::shared_ptr<const Recurrent> GRU::make_bidirectional() const {
  Config both = config();
  both.bidirectional = true;
  return std::make_shared<GRU>(both, reset_);
}

}  // namespace nopad::nn
