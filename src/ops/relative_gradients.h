// The way back through relative positions: from the gradients of scores to what they gained from.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "nopad/core/tensor.h"
#include "nopad/ops/relative_positions.h"

namespace nopad::ops {

// The gradients of one call of self-attention. Heads may come at the same time; where the table's
// gradient is wanted, a head's sequences and blocks of queries come in order. T is float or double.
template <class T>
class RelativeGradients {
 public:
  // positions  : or null, where scores gain nothing
  // max_length : of the call's sequences
  // d_table    : as the table, added to; null: not wanted
  RelativeGradients(const RelativePositions* positions, int64_t num_heads, int64_t head_size,
                    int64_t max_length, T* d_table);

  bool has_table() const noexcept { return d_table_ != nullptr; }

  // Scratch as RelativeScores::show() laid out a block's biases in, and as much again.
  struct Scratch {
    const T* biases;
    T* d_biases;
    int64_t num_elements;
  };
  // Tells the kernel where to add up the gradients of a block's biases.
  void begin(const kernels::AttentionProblem<T>& problem, int64_t head, kernels::Range queries,
             const Scratch& scratch, kernels::AttentionGradients<T>& gradients);
  // Passes them on to queries, keys and the head's part of the table, once the kernel has run.
  void end(const kernels::AttentionProblem<T>& problem, int64_t head, kernels::Range queries,
           const kernels::AttentionGradients<T>& gradients);
  // Puts the heads' parts of a table that they share together, in their order.
  void finish();

 private:
  bool is_bias() const { return positions_->kind() == RelativePositions::Kind::bias; }

  const RelativePositions* positions_;
  int64_t num_heads_, head_size_, max_length_;
  T* d_table_;
  Tensor parts_;  // [H, 2 max_length - 1, head size], where heads share a table
};

}  // namespace nopad::ops
