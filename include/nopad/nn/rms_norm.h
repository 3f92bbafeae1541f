// RmsNorm: division of each token's vector by its root mean square, and a gain.
#pragma once

#include <string_view>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// x / sqrt(mean(x²) + eps) * weight over the last axis.
// x      : [..., D] f32 or f64   return : its shape
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row
// Weights: weight [D], ones
// Source : torch.nn.RMSNorm, keras.layers.RMSNormalization
class RmsNorm : public TokenLayer<RmsNorm> {
 public:
  struct Config {
    float eps = 1e-6f;
    bool use_gain = true;
  };
  RmsNorm() : RmsNorm(Config()) {}
  explicit RmsNorm(const Config& config) : TokenLayer("RmsNorm"), config_(config) {}

  // Takes Keras' `prefix`/scale.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  Tensor call(const Tensor& rows) const override;

 private:
  Config config_;
  Parameter weight_ = add_parameter("weight");
};

}  // namespace nopad::nn
