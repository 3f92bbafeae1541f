// max_pool, average_pool: each window of a sequence's tokens becomes one token.
#pragma once

#include <cstdint>

#include "nopad/ops/windows.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

struct PoolConfig {
  int64_t window = 2;
  int64_t stride = 0;  // 0: the window's size
  WindowPadding padding = WindowPadding::valid();
};

// What an average divides by.
enum class AverageOver {
  real_tokens,  // the tokens under the window, as Keras and PyTorch's count_include_pad=False
  window,       // the window's size, padding included, as PyTorch's count_include_pad=True
};

// The largest value of each feature in each window, or the mean.
// x      : [T, ...] f32 or f64
// return : [T', ...] over a new layout, whose lengths follow by arithmetic (see windows.h)
// Mask   : consumes the layout, makes a new one
// Edge   : a window without a token gives zeros; an empty sequence stays empty; a NaN wins, as in
//          PyTorch
// Throws : DTypeError; OptionError, a window or stride below 1
// Grad   : x; of equal winners the first gets all of it
// Source : Keras' and PyTorch's MaxPooling1D / MaxPool1d and averages, on each sequence alone
RaggedTensor max_pool(const RaggedTensor& x, const PoolConfig& config);
RaggedTensor average_pool(const RaggedTensor& x, const PoolConfig& config,
                          AverageOver over = AverageOver::real_tokens);

}  // namespace nopad::ops
