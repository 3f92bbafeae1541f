#include "nopad/nn/lstm.h"

namespace nopad::nn {

RecurrentCell LSTM::cell() const noexcept {
  constexpr int64_t kForget = 1;
  return {.num_gates = 4, .open_gate = kForget, .has_c = true};
}

Recurrent::Steps LSTM::walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
                            const Tensor&, const States& first, ops::Direction direction) const {
  ops::LstmResult result =
      ops::lstm_recurrence(gates, recurrent_weight, first.h, first.c, {.direction = direction});
  return {std::move(result.output), {std::move(result.h), std::move(result.c)}};
}

LSTM::Result LSTM::operator()(const RaggedTensor& x, const Tensor& h0, const Tensor& c0) const {
  Steps steps = run(x, {h0, c0});
  return {std::move(steps.output), std::move(steps.last.h), std::move(steps.last.c)};
}

std::shared_ptr<const Recurrent> LSTM::make_bidirectional() const {
  Config both = config();
  both.bidirectional = true;
  return std::make_shared<LSTM>(both);
}

}  // namespace nopad::nn
