// SimpleRNN: a recurrence of one product and an activation.
#pragma once

#include <memory>

#include "nopad/nn/recurrent.h"

namespace nopad::nn {

// Shapes, masks, states and settings are those of Recurrent.
// Throws : OptionError, an activation other than tanh and relu
// Source : torch.nn.RNN, keras.layers.SimpleRNN
class SimpleRNN : public Recurrent {
 public:
  explicit SimpleRNN(const Config& config = {}, Activation activation = Activation::tanh)
      : Recurrent("SimpleRNN", config), activation_(activation) {}

  struct Result {
    RaggedTensor output;  // [T, N U]
    Tensor h;             // [B, U], or [layers N, B, U]
  };
  // All outputs and states, whatever the settings return in a model.
  // h0 : as Result has it; Tensor() for zeros
  Result operator()(const RaggedTensor& x, const Tensor& h0 = {}) const;
  using Recurrent::operator();

  Activation activation() const noexcept { return activation_; }
  void visit_config(ConfigVisitor& visitor) override;
  std::shared_ptr<const Recurrent> make_bidirectional() const override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<SimpleRNN>(*this); }

 protected:
  RecurrentCell cell() const noexcept override { return {.num_gates = 1}; }
  Steps walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
             const Tensor& recurrent_bias, const States& first,
             ops::Direction direction) const override;

 private:
  Activation activation_;
};

}  // namespace nopad::nn
