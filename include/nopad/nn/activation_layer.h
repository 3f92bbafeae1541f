// ActivationLayer: an activation as a layer of its own.
#pragma once

#include "nopad/core/activation.h"
#include "nopad/nn/kinds.h"

namespace nopad::nn {

// x      : [...] f32 or f64   return : its shape
// Mask   : passes through (position-wise)
// Edge   : a NaN stays where it is
class ActivationLayer : public TokenLayer<ActivationLayer> {
 public:
  struct Config {
    Activation activation = Activation::relu;
  };
  ActivationLayer() : ActivationLayer(Config()) {}
  explicit ActivationLayer(const Config& config) : TokenLayer("Activation"), config_(config) {}
  explicit ActivationLayer(Activation activation) : ActivationLayer(Config{activation}) {}

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  Tensor call(const Tensor& rows) const override;

 private:
  Config config_;
};

}  // namespace nopad::nn
