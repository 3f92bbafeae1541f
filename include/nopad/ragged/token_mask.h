// TokenMask: which tokens of a layout take part, e.g. in pooling or in a loss.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"

namespace nopad {

// A selection among the tokens that exist; true = takes part. That padding takes no part needs no
// mask: the layout has none of it. Immutable; copies are cheap and share their content.
class TokenMask {
 public:
  // No token of the layout without sequences.
  TokenMask() : TokenMask(none({})) {}
  static TokenMask all(const RaggedLayout& layout);
  static TokenMask none(const RaggedLayout& layout);
  // keep   : [T] bool   one per token, sequence after sequence; its elements are copied
  // Throws : ShapeError, not [T]; DTypeError, not bool
  static TokenMask from_tensor(const RaggedLayout& layout, const Tensor& keep);
  // keep   : [B, L] bool   in the padded batch that the layout came from, L its padded_width()
  // Throws : ShapeError, not [B, L]; DTypeError, not bool; LayoutError, padding is selected
  static TokenMask from_dense(const RaggedLayout& layout, const Tensor& keep);

  const RaggedLayout& layout() const noexcept { return layout_; }
  // [T]. Valid while this mask or a copy of it lives.
  std::span<const bool> keep() const { return keep_.values<bool>(); }
  // How many tokens take part, of all and of one sequence.
  int64_t num_kept() const;
  int64_t num_kept(int64_t sequence) const;

  // [T] bool
  const Tensor& to_tensor() const noexcept { return keep_; }
  // [B, padded_width()] bool, padding false
  Tensor to_dense() const;

  // Both, either, and the existing tokens that do not take part.
  // Throws LayoutError: the two are over different layouts.
  friend TokenMask operator&(const TokenMask& a, const TokenMask& b);
  friend TokenMask operator|(const TokenMask& a, const TokenMask& b);
  TokenMask operator~() const;

  // The check of an op that takes a mask beside `owner`, to which `layout` belongs.
  // Throws LayoutError: this mask is over another layout:
  // "attention: keep: expected the query's layout (B=3, T=21), got (B=3, T=20)".
  void expect_layout(const RaggedLayout& layout, std::string_view op, std::string_view owner) const;

 private:
  TokenMask(RaggedLayout layout, Tensor keep)
      : layout_(std::move(layout)), keep_(std::move(keep)) {}

  RaggedLayout layout_;
  Tensor keep_;
};

}  // namespace nopad
