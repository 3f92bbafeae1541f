// LSTM: a recurrence with a cell state and four gates.
#pragma once

#include <memory>

#include "nopad/nn/recurrent.h"

namespace nopad::nn {

// Shapes, masks, states and settings are those of Recurrent.
// Gates  : i, f, g, o, as in Keras and PyTorch; σ for i, f, o and tanh for g and the output
// Source : torch.nn.LSTM, keras.layers.LSTM
class LSTM : public Recurrent {
 public:
  explicit LSTM(const Config& config = {}) : Recurrent("LSTM", config) {}

  struct Result {
    RaggedTensor output;  // [T, N U]
    Tensor h, c;          // [B, U], or [layers N, B, U]
  };
  // All outputs and states, whatever the settings return in a model.
  // auto [output, h, c] = lstm(x);
  // h0, c0 : as Result has them; Tensor() for zeros
  Result operator()(const RaggedTensor& x, const Tensor& h0 = {}, const Tensor& c0 = {}) const;
  using Recurrent::operator();

  std::shared_ptr<const Recurrent> make_bidirectional() const override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<LSTM>(*this); }

 protected:
  RecurrentCell cell() const noexcept override;
  Steps walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
             const Tensor& recurrent_bias, const States& first,
             ops::Direction direction) const override;
};

}  // namespace nopad::nn
