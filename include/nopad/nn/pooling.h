// Pooling: one row from each window of a sequence's tokens, or from all of them.
#pragma once

#include <cstdint>

#include "nopad/nn/windows.h"
#include "nopad/ops/pool_windows.h"
#include "nopad/ops/reduce.h"

namespace nopad::nn {

struct PoolingConfig {
  int64_t pool_size = 2;
  int64_t strides = 0;  // 0: pool_size
  WindowPadding padding = {};
};

// The largest value of each feature in each window. Windows see real tokens of one sequence.
// x      : [T, ...] f32 or f64
// return : [T', ...], lengths by arithmetic as Conv1D's
// Mask   : makes a new layout, the given one where no length changes
// Edge   : an empty sequence stays empty; a window without a token gives zeros; a NaN wins
// Throws : OptionError, a size below 1
// Source : keras.layers.MaxPooling1D, torch.nn.MaxPool1d
class MaxPooling1D : public WindowLayer<MaxPooling1D> {
 public:
  using Config = PoolingConfig;
  explicit MaxPooling1D(const Config& config = {}) : WindowLayer("MaxPooling1D"), config_(config) {}
  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  Config config_;
};

// As above with the mean of each window: over its real tokens, as Keras, or over its size.
// Source : keras.layers.AveragePooling1D, torch.nn.AvgPool1d
class AveragePooling1D : public WindowLayer<AveragePooling1D> {
 public:
  using Config = PoolingConfig;
  explicit AveragePooling1D(const Config& config = {},
                            ops::AverageOver over = ops::AverageOver::real_tokens)
      : WindowLayer("AveragePooling1D"), config_(config), over_(over) {}
  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  Config config_;
  ops::AverageOver over_;
};

// One row per sequence, from its real tokens alone.
// x      : [T, ...] f32 or f64
// return : [B, ...]
// Mask   : reduces: consumes the layout and ends it
// Edge   : an empty sequence gives zeros
// Source : keras.layers.GlobalAveragePooling1D, GlobalMaxPooling1D (which Keras gives no mask)
class GlobalAveragePooling1D : public ReducingLayer<GlobalAveragePooling1D> {
 public:
  GlobalAveragePooling1D() : ReducingLayer("GlobalAveragePooling1D") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return ops::mean_over_tokens(x); }
};

class GlobalMaxPooling1D : public ReducingLayer<GlobalMaxPooling1D> {
 public:
  GlobalMaxPooling1D() : ReducingLayer("GlobalMaxPooling1D") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return ops::max_over_tokens(x); }
};

// Each sequence's own first token, e.g. BERT's [CLS], wherever padding stood.
class FirstTokenPooling : public ReducingLayer<FirstTokenPooling> {
 public:
  FirstTokenPooling() : ReducingLayer("FirstTokenPooling") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return ops::first_token(x); }
};

// Each sequence's own last token.
class LastTokenPooling : public ReducingLayer<LastTokenPooling> {
 public:
  LastTokenPooling() : ReducingLayer("LastTokenPooling") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return ops::last_token(x); }
};

}  // namespace nopad::nn
