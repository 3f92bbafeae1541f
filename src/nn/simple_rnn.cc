#include "nopad/nn/simple_rnn.h"

namespace nopad::nn {

Recurrent::Steps SimpleRNN::walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
                                 const Tensor&, const States& first,
                                 ops::Direction direction) const {
  ops::RecurrentResult result = ops::rnn_recurrence(
      gates, recurrent_weight, first.h, {.direction = direction, .activation = activation_});
  return {std::move(result.output), {.h = std::move(result.h)}};
}

SimpleRNN::Result SimpleRNN::operator()(const RaggedTensor& x, const Tensor& h0) const {
  Steps steps = run(x, {.h = h0});
  return {std::move(steps.output), std::move(steps.last.h)};
}

void SimpleRNN::visit_config(ConfigVisitor& visitor) {
  Recurrent::visit_config(visitor);
  visitor.field("activation", activation_);
}

std::shared_ptr<const Recurrent> SimpleRNN::make_bidirectional() const {
  Config both = config();
  both.bidirectional = true;
  return std::make_shared<SimpleRNN>(both, activation_);
}

}  // namespace nopad::nn
