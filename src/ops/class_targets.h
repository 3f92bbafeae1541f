// The classes that tokens should have, as losses and metrics read them.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

struct ClassTargets {
  Tensor classes;        // [rows] i64, -1 for a row that takes no part
  int64_t num_kept = 0;  // rows that take part
};

// logits  : [..., C] of any dtype
// targets : [...] i32 or i64, 0 to C - 1 or ignore_index; of a row that is not kept, anything
// Throws  : ShapeError; DTypeError; InputError, a target that is neither, in the name of `op`
ClassTargets class_targets(std::string_view op, const Tensor& logits, const Tensor& targets,
                           int64_t ignore_index);
// As above over a layout.
// keep   : null: every token
// Throws : LayoutError, targets or keep over another layout
ClassTargets class_targets(std::string_view op, const RaggedTensor& logits,
                           const RaggedTensor& targets, int64_t ignore_index,
                           const TokenMask* keep);

// The bools of `keep`, null where every token takes part.
// owner  : the operand that `layout` belongs to
// Throws : LayoutError, keep over another layout
const bool* kept_of(std::string_view op, std::string_view owner, const RaggedLayout& layout,
                    const TokenMask* keep);

}  // namespace nopad::ops
