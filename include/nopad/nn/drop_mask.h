// DropMask: the end of a mask, on purpose.
#pragma once

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// Lays tokens out as a padded batch, for layers that know nothing of masks. From here on nothing
// tells padding from tokens, and results depend on how wide the batch is.
// x      : [T, ...]   return : [B, L, ...], each token in the column that it came from
// Mask   : ends the layout
// Edge   : an empty sequence is all fill
// Throws : OptionError, a fill that an integer dtype does not hold
// Grad   : x; what reaches the padding is dropped
class DropMask : public LayerOf<DropMask> {
 public:
  struct Config {
    double fill = 0;  // what padding holds
  };
  DropMask() : DropMask(Config()) {}
  explicit DropMask(const Config& config) : LayerOf("DropMask"), config_(config) {}

  Tensor operator()(const RaggedTensor& x) const { return apply_one(x).dense(); }
  using LayerOf::operator();

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override { return MaskRule::drops; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  Config config_;
};

}  // namespace nopad::nn
