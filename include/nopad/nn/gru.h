// GRU: a recurrence with one state and a reset gate, which acts after or before the product.
#pragma once

#include <memory>

#include "nopad/nn/recurrent.h"

namespace nopad::nn {

// Shapes, masks, states and settings are those of Recurrent.
// Gates  : r, z, n, as in PyTorch; Keras' z, r, n change places when they are loaded
// Weights: where the reset acts after the product, recurrent_bias [3U] or [2, 3U] too
// Source : torch.nn.GRU, keras.layers.GRU(reset_after=...)
class GRU : public Recurrent {
 public:
  // reset : `after` as PyTorch, cuDNN and Keras' default; `before` as the first paper
  explicit GRU(const Config& config = {}, ops::GruReset reset = ops::GruReset::after)
      : Recurrent("GRU", config), reset_(reset) {}

  struct Result {
    RaggedTensor output;  // [T, N U]
    Tensor h;             // [B, U], or [layers N, B, U]
  };
  // All outputs and states, whatever the settings return in a model.
  // h0 : as Result has it; Tensor() for zeros
  Result operator()(const RaggedTensor& x, const Tensor& h0 = {}) const;
  using Recurrent::operator();

  ops::GruReset reset() const noexcept { return reset_; }
  void visit_config(ConfigVisitor& visitor) override;
  std::shared_ptr<const Recurrent> make_bidirectional() const override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<GRU>(*this); }

 protected:
  RecurrentCell cell() const noexcept override;
  Steps walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
             const Tensor& recurrent_bias, const States& first,
             ops::Direction direction) const override;

 private:
  ops::GruReset reset_;
};

}  // namespace nopad::nn
