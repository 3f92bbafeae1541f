// LayerNorm: normalisation of each token's vector, with a gain and a bias.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "nopad/nn/kinds.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// (x - mean) / sqrt(variance + eps) * weight + bias over the last axis.
// x      : [..., D] f32 or f64   return : its shape
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row
// Weights: weight [D], ones; bias [D], zeros
// Source : torch.nn.LayerNorm over one axis; Keras' has the eps 1e-3
// A frozen one has no parameters and records nothing: a call in training throws OptionError.
class LayerNorm : public TokenLayer<LayerNorm> {
 public:
  struct Config {
    float eps = 1e-5f;
    bool use_gain = true;
    bool use_bias = true;
  };
  LayerNorm() : LayerNorm(Config()) {}
  explicit LayerNorm(const Config& config);

  // A frozen one, of these or of `prefix`.weight and, if it is there, `prefix`.bias.
  // Throws WeightError: the weight is missing, or a shape is not [width].
  static LayerNorm frozen(ops::LayerNormWeights weights);
  static LayerNorm load(const WeightSource& source, std::string_view prefix, int64_t width,
                        float eps);
  bool is_frozen() const noexcept { return frozen_ != nullptr; }
  // Of a frozen one, for ops that end with this norm.
  // Throws OptionError: it is not frozen.
  const ops::LayerNormWeights& weights() const;

  using Layer::load;
  // Takes Keras' `prefix`/gamma and `prefix`/beta.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  Tensor call(const Tensor& rows) const override;

 private:
  Config config_;
  Parameter weight_ = add_parameter("weight");
  Parameter bias_ = add_parameter("bias");
  std::shared_ptr<const ops::LayerNormWeights> frozen_;  // null where it is trained
};

}  // namespace nopad::nn
