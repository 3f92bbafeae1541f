// embedding: rows of tables, looked up by id, one by one or summed.
#pragma once

#include <span>

#include "nopad/core/tensor.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// The rows of a table that the ids name.
// table  : [V, D] f32 or f64
// ids    : [...] i32 or i64
// return : [..., D], the dtype of the table
// Mask   : passes through (position-wise)
// Edge   : no ids give no rows, and the table a zero gradient
// Throws : InputError, an id outside the table: "embedding: ids: expected 0 to 98, got 99 at 3";
//          ShapeError; DTypeError
// Grad   : table; a row's is the sum over the tokens that name it, in their order
Tensor embedding(const Tensor& table, const Tensor& ids);
inline RaggedTensor embedding(const Tensor& table, const RaggedTensor& ids) {
  return ids.with_values(embedding(table, ids.values()));
}

// table : [V, D] f32 or f64
// ids   : [T] i32 or i64
struct Lookup {
  const Tensor* table = nullptr;
  const Tensor* ids = nullptr;
  const char* name = "";  // what messages call the ids, e.g. "token_ids"
};

// The sum of the rows that the lookups name, in their order.
// return : [T, D], the dtype of the tables
// Mask   : passes through (position-wise)
// Edge   : no ids give no rows
// Throws : InputError, an id outside its table: "embedding: token_ids: expected 0 to 98, got 99 at
// 3";
//          ShapeError, tables of different widths, ids of different lengths, no lookup; DTypeError
// Grad   : the tables, as above
Tensor embedding_sum(std::span<const Lookup> lookups);

}  // namespace nopad::ops
