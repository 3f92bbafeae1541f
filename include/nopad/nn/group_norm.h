// GroupNorm: normalisation over the tokens of each sequence and groups of channels.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// (x - mean) / sqrt(variance + eps) * weight + bias, with the mean and the biased variance of each
// sequence's tokens and each group's channels.
// x      : [T, C] f32 or f64   return : its shape
// Mask   : mixes within the layout, keeps it: padding has no part in the statistics
// Edge   : an empty sequence gives nothing; a NaN stays in its sequence
// Throws : OptionError, num_groups does not divide C
// Weights: weight [C], ones; bias [C], zeros
// Source : torch.nn.GroupNorm and InstanceNorm1d on each sequence alone. Keras' GroupNormalization
//          is given padding as well; its eps is 1e-3.
class GroupNorm : public SequenceLayer<GroupNorm> {
 public:
  // A group for each channel: instance norm.
  static constexpr int64_t kEachChannel = -1;
  struct Config {
    int64_t num_groups = kEachChannel;
    float eps = 1e-5f;
    bool use_gain = true;
    bool use_bias = true;
  };
  GroupNorm() : GroupNorm(Config()) {}
  explicit GroupNorm(const Config& config) : SequenceLayer("GroupNorm"), config_(config) {}

  // Takes Keras' `prefix`/gamma and `prefix`/beta.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  Config config_;
  Parameter weight_ = add_parameter("weight");
  Parameter bias_ = add_parameter("bias");
};

}  // namespace nopad::nn
