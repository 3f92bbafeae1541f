// Reductions over groups of rows: the tokens of each sequence, or the slices along an axis.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// Which rows of [rows, width] belong to which group, and which of them take part. Cheap to copy: it
// is what backward passes capture. A group's result depends on its own rows only.
struct RowGroups {
  RaggedLayout layout;  // its sequences are the groups, its tokens the rows
  Tensor keep = {};     // [rows] bool; without elements every row takes part
  int64_t width = 1;

  // Null where every row takes part.
  const bool* kept() const {
    return keep.num_elements() == 0 ? nullptr : keep.values<bool>().data();
  }
};

// What a row counts in a sum, and what the sum is divided by: nothing, the total weight, or its
// square root. `weighted_mean` weighs the rows of a group 1, 2, 3, ...
enum class RowWeights { sum, mean, mean_sqrt_length, weighted_mean };

// A reduction as a public op: checked, computed, recorded.
struct Reduction {
  std::string_view op;  // a literal
  RowGroups groups;
  Shape shape;  // of the result; as many elements as groups x width
};

// x      : as many elements as rows x width; f32, f64 or bf16
// return : the dtype of x, f32 for bf16; zeros where nothing takes part
// Throws : DTypeError        Grad : x
Tensor reduce_sum(const Reduction& r, const Tensor& x, RowWeights weights);

// The row that each element of the result is taken from: the first of equals; a NaN is larger and
// smaller than everything.
enum class Pick { largest, smallest, first, last };
struct PickedRows {
  Tensor values;
  Tensor rows;  // i64, -1 where nothing takes part; without elements where it was not wanted
};
enum class Wanted { values, values_and_rows };
PickedRows reduce_pick(const Reduction& r, const Tensor& x, Pick pick, Wanted wanted);

}  // namespace nopad::ops
