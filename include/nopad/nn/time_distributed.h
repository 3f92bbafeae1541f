// TimeDistributed: a layer for dense values, applied to each token.
#pragma once

#include <concepts>
#include <memory>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// Gives every token to the layer as a row of a dense batch, so that what can't take a layout, e.g.
// a Flatten or a model of its own, works on tokens.
// x      : [T, ...], what the layer takes as [B, ...]   return : [T, ...], what it gives
// Mask   : passes through (position-wise); the layer never sees it
// Edge   : no tokens are a batch without rows
// Throws : LayoutError, a layer that takes or gives tokens of its own
class TimeDistributed : public TokenLayer<TimeDistributed> {
 public:
  struct Config {
    std::shared_ptr<const Layer> layer = nullptr;  // passes or refuses
  };
  TimeDistributed() : TimeDistributed(Config()) {}
  explicit TimeDistributed(const Config& config);
  template <std::derived_from<Layer> L>
  requires(!std::same_as<L, TimeDistributed>) explicit TimeDistributed(const L& layer)
      : TimeDistributed(Config{layer.clone()}) {}

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  Tensor call(const Tensor& rows) const override;

 private:
  void adopt();

  Config config_;
};

}  // namespace nopad::nn
