// Masking: the padding mask from the steps whose features all have one value.
#pragma once

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// x      : [B, L, ...] padded, or [T, ...] over a layout; f32 or f64   return : [T, ...]
// Mask   : produces the layout of the steps that are not padding. Of ragged ones it takes out the
//          tokens that are.
// Edge   : a step is padding where all its features equal mask_value exactly: -0 is 0, a NaN equals
//          nothing, and a step without features is a token
// Throws : DTypeError; ShapeError, a padded batch without features
// Grad   : x; padding gets zeros
// Source : keras.layers.Masking, which sets padding to zeros and goes on computing on it
class Masking : public MaskingLayer<Masking> {
 public:
  struct Config {
    double mask_value = 0;
  };
  Masking() : Masking(Config()) {}
  explicit Masking(const Config& config) : MaskingLayer("Masking"), config_(config) {}

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  RaggedTensor call(const Tensor& padded) const override;
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  Config config_;
};

}  // namespace nopad::nn
