// Windows over the tokens of each sequence, as convolutions and poolings slide them.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/ragged/layout.h"

namespace nopad::ops {

// How far windows reach beyond a sequence's ends, where there is nothing: zeros in a convolution,
// no token in a pooling. It is counted at each sequence's own ends, as if it stood alone.
class WindowPadding {
 public:
  // Not at all: windows lie inside the sequence.
  static WindowPadding valid() { return {Kind::sides, 0, 0}; }
  // So far that there are ceil(length / stride) windows, half of it, rounded down, on the left.
  // Source : Keras and TensorFlow; with stride 1 also PyTorch's padding="same"
  static WindowPadding same() { return {Kind::same, 0, 0}; }
  // On the left alone, so that a window ends at its own token and sees none after it.
  static WindowPadding causal() { return {Kind::causal, 0, 0}; }
  // By so many tokens; PyTorch's padding=p is sides(p, p).
  // Throws OptionError: a negative number, or one beyond 31 bits.
  static WindowPadding sides(int64_t left, int64_t right);

 private:
  friend struct WindowConfig;
  enum class Kind { same, causal, sides };
  WindowPadding(Kind kind, int64_t left, int64_t right) : kind_(kind), left_(left), right_(right) {}

  Kind kind_;
  int64_t left_, right_;
};

struct WindowConfig {
  int64_t size = 1;  // tokens that a window sees
  int64_t stride = 1;
  int64_t dilation = 1;  // from one token that it sees to the next
  WindowPadding padding = WindowPadding::valid();

  // Tokens from a window's first to behind its last.
  int64_t reach() const { return dilation * (size - 1) + 1; }
  // How far the first window begins before a sequence of this length.
  int64_t left(int64_t length) const;
  // (length + padding - reach) / stride + 1, and never negative: a sequence that is shorter than a
  // window has none. An empty one has none, whatever the padding.
  int64_t num_windows(int64_t length) const;
};

// The layout of what a window gives for each of its positions. Where no sequence's length changes,
// it is the given one, columns and all.
// Throws : OptionError, size, stride or dilation below 1 or beyond 31 bits:
//          "conv1d: stride: expected 1 to 2147483647, got 0"
RaggedLayout window_layout(const RaggedLayout& layout, const WindowConfig& config,
                           std::string_view op);

}  // namespace nopad::ops
