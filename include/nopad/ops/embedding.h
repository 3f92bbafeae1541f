// embedding: rows of tables, looked up by id and summed.
#pragma once

#include <span>

#include "nopad/core/tensor.h"

namespace nopad::ops {

// table : [V, D] f32
// ids   : [T] i32
struct Lookup {
  const Tensor* table = nullptr;
  const Tensor* ids = nullptr;
  const char* name = "";  // what messages call the ids, e.g. "token_ids"
};

// The sum of the rows that the lookups name, in their order.
// return : [T, D] f32
// Mask   : passes through (position-wise)
// Edge   : no ids give no rows
// Throws : InputError, an id outside its table: "embedding: token_ids: expected 0 to 98, got 99 at
// 3";
//          ShapeError, tables of different widths, ids of different lengths, no lookup; DTypeError
Tensor embedding_sum(std::span<const Lookup> lookups);

}  // namespace nopad::ops
