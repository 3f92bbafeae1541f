// BatchNorm: normalisation of each channel over the batch, and by running statistics later.
#pragma once

#include <string_view>

#include "nopad/nn/kinds.h"
#include "nopad/ops/batch_norm.h"

namespace nopad::nn {

// (x - mean) / sqrt(variance + eps) * weight + bias. In training the statistics are those of the
// batch's real tokens, and the running ones move towards them; otherwise they are the running ones.
// x      : [T, C] or [B, C], f32 or f64   return : its shape
// Mask   : passes through; in training tokens meet across the batch, by definition, and padding has
//          no part in the statistics
// Edge   : a batch without tokens leaves the running statistics as they are
// Weights: weight [C], ones; bias [C], zeros; buffers running_mean [C], zeros; running_var [C], ones
// Source : torch.nn.BatchNorm1d over the real tokens; keras.layers.BatchNormalization with a mask
class BatchNorm : public TokenLayer<BatchNorm> {
 public:
  struct Config {
    double rate = 0.1;  // the batch's share in the running statistics
    float eps = 1e-5f;
    ops::RunningVariance running_variance = ops::RunningVariance::unbiased;
    bool use_gain = true;
    bool use_bias = true;

    // The two frameworks' defaults, and what each calls momentum.
    static Config pytorch(double momentum = 0.1, float eps = 1e-5f);
    static Config keras(double momentum = 0.99, float eps = 1e-3f);
  };
  BatchNorm() : BatchNorm(Config()) {}
  explicit BatchNorm(const Config& config) : TokenLayer("BatchNorm"), config_(config) {}

  // Takes Keras' `prefix`/gamma, beta, moving_mean and moving_variance.
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
  Parameter running_mean_ = add_buffer("running_mean");
  Parameter running_variance_ = add_buffer("running_var");
};

}  // namespace nopad::nn
