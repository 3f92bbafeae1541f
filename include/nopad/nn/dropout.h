// Dropout: zeros at random while training, nothing otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// In training elements become 0 with chance `rate` and the rest grows by 1 / (1 - rate); each call
// draws anew. The draws follow the sequence and the token, so padding, packing and threads change
// none of them.
// x      : [T, ...] or [B, ...], f32 or f64   return : its shape
// Mask   : passes through (position-wise)
// Edge   : rate 0 gives x, rate 1 zeros; a dropped NaN is gone, in the gradient as well
// Throws : OptionError, a rate outside [0, 1]
class Dropout : public LayerOf<Dropout> {
 public:
  // A seed from this thread's next draw: each layer another one, and the same in every run.
  static constexpr int64_t kDrawn = -1;
  struct Config {
    double rate = 0.5;
    int64_t seed = kDrawn;
  };
  Dropout() : Dropout(Config()) {}
  explicit Dropout(const Config& config);

  Tensor operator()(const Tensor& x) const { return this->apply_one(x).dense(); }
  RaggedTensor operator()(const RaggedTensor& x) const { return this->apply_one(x).ragged(); }
  using LayerOf::operator();

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override { return MaskRule::passes; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  Config config_;
  // The number of training calls so far, of all copies.
  std::shared_ptr<std::atomic<uint64_t>> step_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace nopad::nn
