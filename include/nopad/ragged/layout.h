// RaggedLayout: which tokens of a flat list belong to which sequence. It is the padding mask.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nopad/core/tensor.h"

namespace nopad {

// B sequences of any length, 0 included, laid end to end: sequence b owns tokens
// [offset(b), offset(b + 1)) of T. Immutable; copies are cheap and share their content.
// A layout that came from a padded batch also knows each token's column there, so that left padding
// and holes come back as they were.
class RaggedLayout {
 public:
  // No sequences.
  RaggedLayout();
  // lengths : [B]   each 0 or more
  // Throws LayoutError: a negative length, or a total beyond int64.
  static RaggedLayout from_lengths(std::span<const int64_t> lengths);
  // offsets : [B + 1]   from 0, never falling
  // Throws LayoutError: empty, not from 0, or falling.
  static RaggedLayout from_offsets(std::span<const int64_t> offsets);
  // keep : [B, L] bool   true = a real token
  // Mask   : produces the layout of the kept tokens, each with its column
  // Throws ShapeError: not [B, L]; DTypeError: not bool.
  static RaggedLayout from_keep(const Tensor& keep);

  int64_t num_sequences() const noexcept;  // B
  int64_t num_tokens() const noexcept;     // T
  int64_t max_length() const noexcept;     // the longest sequence's
  // The width L of the padded batch it came from; the longest length where it came from none.
  int64_t padded_width() const noexcept;

  // [B + 1]. Valid while this layout or a copy of it lives, as are all spans below.
  std::span<const int64_t> offsets() const noexcept;
  int64_t offset(int64_t sequence) const noexcept {
    return offsets()[static_cast<size_t>(sequence)];
  }
  int64_t length(int64_t sequence) const noexcept {
    return offset(sequence + 1) - offset(sequence);
  }
  // The column of a sequence's token in the padded batch; its index where there was no such batch.
  int64_t column(int64_t sequence, int64_t index) const noexcept;
  // True when every sequence's columns are 0, 1, 2, ...: right padding or none.
  bool is_left_aligned() const noexcept;

  // [B] i64
  Tensor lengths() const;
  // [B, padded_width()] bool, true = a real token
  Tensor keep() const;

  // Whether two operands go together: the same object, else equal offsets. Columns play no part.
  friend bool operator==(const RaggedLayout& a, const RaggedLayout& b) noexcept;

 private:
  struct Content;
  explicit RaggedLayout(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

// "(B=3, T=21)", as error messages show it.
std::string to_string(const RaggedLayout& layout);

// The check of an op that takes several operands over the same tokens.
// where  : the operand that is checked, e.g. "attention: keep"
// owner  : whose layout is expected, e.g. "the query"
// Throws : LayoutError that names both layouts, and the first sequence that differs where their B
//          and T agree:
//          "attention: keep: expected the query's layout (B=3, T=21), got (B=3, T=20)"
void expect_layout(const RaggedLayout& actual, const RaggedLayout& expected, std::string_view where,
                   std::string_view owner);

}  // namespace nopad
