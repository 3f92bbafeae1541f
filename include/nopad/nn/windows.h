// What convolutions and poolings share: how far their windows reach, and their kind of layer.
#pragma once

#include <cstdint>

#include "nopad/nn/kinds.h"
#include "nopad/ops/windows.h"

namespace nopad::nn {

// How far windows reach beyond a sequence's ends, as a setting that can be written down.
// `valid`, `same` and `causal` are Keras'; `sides` says how many tokens, and sides(p, p) is
// PyTorch's p. All are at each sequence's own ends; see nopad/ops/windows.h.
struct WindowPadding {
  enum class Kind { valid, same, causal, sides };
  Kind kind = Kind::valid;
  int64_t left = 0, right = 0;  // of `sides`

  static WindowPadding valid() { return {Kind::valid}; }
  static WindowPadding same() { return {Kind::same}; }
  static WindowPadding causal() { return {Kind::causal}; }
  static WindowPadding sides(int64_t left, int64_t right) { return {Kind::sides, left, right}; }
};

// What the ops take. Throws OptionError: a side is negative, or beyond 31 bits.
ops::WindowPadding to_ops(const WindowPadding& padding);
void visit_padding(ConfigVisitor& visitor, WindowPadding& padding);

// relays: one output, with a token for each window. It is called as a SequenceLayer is, and gives
// another layout.
template <class Self>
class WindowLayer : public SequenceLayer<Self> {
 public:
  using SequenceLayer<Self>::SequenceLayer;
  MaskRule mask_rule() const noexcept override { return MaskRule::relays; }
};

}  // namespace nopad::nn
