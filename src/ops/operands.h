// Numbers and ragged tensors as operands of the ops that broadcast.
#pragma once

#include <string_view>

#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// A number as a tensor without axes.
// where  : what messages call it, e.g. "add: b"
// Throws : OptionError, "add: b: expected a number that i32 holds, got 0.5"
Tensor scalar_of(double value, DType dtype, std::string_view where);

// Two ragged operands' values [T, ...] with as many axes: the token shape of one is widened to the
// left, so that [T, D] meets [T, H, D] as [T, 1, D]. Token shapes broadcast, tokens never do.
// where, owner : what messages call b, and a: "add: b", "a"
// Throws LayoutError: two layouts.
struct TokenOperands {
  Tensor a, b;
};
TokenOperands token_operands(std::string_view where, std::string_view owner, const RaggedTensor& a,
                             const RaggedTensor& b);

// The check of a plain operand beside a ragged one.
// Throws ShapeError: as many axes as the ragged one's values, or more.
void expect_token_operand(std::string_view where, const Tensor& plain, const RaggedTensor& ragged);

}  // namespace nopad::ops
