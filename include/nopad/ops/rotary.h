// rotary: positions as angles by which queries and keys are turned.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// 1 / theta^(2i / rotary_size), i < rotary_size / 2, in f32 as PyTorch computes it.
// Throws : OptionError, theta is not above 0, or rotary_size is not even and above 0
std::vector<float> rotary_frequencies(double theta, int64_t rotary_size);

// The cosine and sine of every position's angles. Copies share them.
class RotaryTable {
 public:
  // The angle of pair i at a position is f32(position) * inverse_frequencies[i] in f32. `scale`
  // multiplies cosine and sine (attention_scaling in transformers).
  // Throws : OptionError, no frequencies or max_tokens below 0; LimitError, too many to be stored
  RotaryTable(std::span<const float> inverse_frequencies, int64_t max_tokens, float scale = 1);

  // How many elements of a head are turned, its first ones: two per frequency.
  int64_t rotary_size() const noexcept { return 2 * cos_.dim(1); }
  int64_t max_tokens() const noexcept { return cos_.dim(0); }
  // [max_tokens, rotary_size / 2] f32
  const Tensor& cos() const noexcept { return cos_; }
  const Tensor& sin() const noexcept { return sin_; }

 private:
  Tensor cos_, sin_;
};

// Turns each head's pairs (i, i + r/2) of its first r = rotary_size elements by the angles of the
// token's index in its sequence; the head's other elements stay. In f32, rounded once to bf16.
// x      : [T, D] f32, f64 or bf16
// return : [T, D]
// Mask   : consumes the layout (positions), keeps it
// Edge   : a NaN stays in its token and its pair
// Throws : ShapeError, not [T, D], heads that do not divide D, or one smaller than rotary_size;
//          LimitError, a sequence longer than the table; DTypeError; OptionError, a gradient in bf16
// Grad   : x, by the negative angles (f32 and f64)
// Source : https://arxiv.org/abs/2104.09864; "rotate_half" in transformers
RaggedTensor rotary(const RaggedTensor& x, int64_t num_heads, const RotaryTable& table);

// The same for the queries and keys of one projection; the values stay. It works in place where
// `qkv` is moved in and nobody else holds its elements.
// qkv    : [T, 3 D] f32 or bf16
// return : [T, 3 D]
// Throws : as rotary, and OptionError: a gradient is wanted, for it has no backward pass
RaggedTensor rotate_query_key(RaggedTensor qkv, int64_t num_heads, const RotaryTable& table);

}  // namespace nopad::ops
