// Relative positions as the attention kernels take them: rows of what is added to scores.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "nopad/core/isa.h"
#include "nopad/ops/relative_positions.h"

namespace nopad::ops {

// The table of one call of self-attention, prepared once for all its blocks of queries. An element
// of a row has the same bits wherever its block is cut. T is float, double or BFloat16.
template <class T>
class RelativeScores {
 public:
  using Sum = kernels::AttentionSum<T>;

  // positions  : or null, where scores gain nothing; its table has the heads and dtype of the call
  // max_length : of the call's sequences
  RelativeScores(const RelativePositions* positions, int64_t head_size, int64_t max_length,
                 Isa isa);

  // How many elements of scratch show() needs for a block of so many queries.
  int64_t scratch_elements(int64_t block_queries) const;

  // Gives the problem the rows of a block of its queries; they lie in the table or in `scratch`.
  void show(kernels::AttentionProblem<T>& problem, int64_t head, kernels::Range queries,
            Sum* scratch) const;

 private:
  // Products of rows with the table's vectors, one column for each distance from `first` on; rows
  // lie `stride` apart.
  struct Products {
    Sum* data;
    int64_t stride;
    int64_t first;
  };
  Products multiply(const Sum* rows, int64_t num_rows, int64_t first, int64_t count,
                    Sum* out) const;
  int64_t product_stride(int64_t count) const;
  void add_keys(const kernels::AttentionProblem<T>& problem, kernels::Range queries, Sum* scratch,
                const Products& sums) const;

  const RelativePositions* positions_;
  int64_t head_size_, max_length_;
  const kernels::GemmF32* gemm_;
  Tensor packed_;  // float sums: the table's vectors at distances below max_length
};

}  // namespace nopad::ops
