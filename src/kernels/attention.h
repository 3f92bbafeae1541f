// Scaled dot-product attention of one sequence and one head, a block of queries at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/gemm.h"
#include "nopad/core/bfloat16.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// Which keys query i sees: j from i - before to i + after, where the sequence has them.
struct VisibleKeys {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max() / 4;
  int64_t before = kAll;
  int64_t after = kAll;

  Range of(int64_t query, int64_t num_keys) const noexcept {
    const int64_t begin = std::clamp<int64_t>(query - before, 0, num_keys);
    return {begin, std::clamp<int64_t>(query + after + 1, begin, num_keys)};
  }
};

// What sums and softmax of T are made in.
template <class T>
using AttentionSum = std::conditional_t<std::is_same_v<T, double>, double, float>;

// out = softmax(scale q kᵀ + biases) v over the visible keys. A query that sees none gets zeros. Keys and
// values that a query does not see never enter its result, whatever they hold. T is float, double
// or BFloat16.
template <class T>
struct AttentionProblem {
  int64_t num_queries = 0, num_keys = 0, head_size = 0;
  const T* q = nullptr;  // [num_queries, head_size], rows q_stride apart; and so on
  const T* k = nullptr;
  const T* v = nullptr;
  T* out = nullptr;
  int64_t q_stride = 0, k_stride = 0, v_stride = 0, out_stride = 0;
  AttentionSum<T> scale = 1;
  VisibleKeys visible;
  // What no band describes, for the queries of one call from `first_row` on: rows of num_keys.
  const bool* keep = nullptr;                // which keys of its band a query sees; none: all
  const AttentionSum<T>* factors = nullptr;  // what weights are multiplied by (dropout); none: 1
  // What is added to the scaled scores; none: 0. The row of query i begins (i - first_row) bias
  // strides behind `biases`: with a stride of -1, a table of distances needs no copy. Nothing is
  // read but what a query sees.
  const AttentionSum<T>* biases = nullptr;
  int64_t bias_stride = 0;
  int64_t first_row = 0;
  // [num_queries]: the logarithm of the sum of e^score, -inf for a query that sees nothing. What
  // the backward pass needs; null where there is none.
  AttentionSum<T>* log_sums = nullptr;

  const bool* keep_row(int64_t query) const noexcept {
    return keep + (query - first_row) * num_keys;
  }
  const AttentionSum<T>* factor_row(int64_t query) const noexcept {
    return factors + (query - first_row) * num_keys;
  }
  const AttentionSum<T>* bias_row(int64_t query) const noexcept {
    return biases + (query - first_row) * bias_stride;
  }
  // From the first to behind the last key of a chunk that a query sees, counted from the chunk's
  // begin. Those between are all seen, unless there is `keep`.
  Range visible_in(Range chunk, int64_t query) const noexcept {
    const Range own = visible.of(query, num_keys);
    int64_t begin = std::clamp(own.begin, chunk.begin, chunk.end);
    int64_t end = std::clamp(own.end, begin, chunk.end);
    if (keep != nullptr) {
      const bool* const row = keep_row(query);
      while (begin < end && !row[begin]) ++begin;
      while (begin < end && !row[end - 1]) --end;
    }
    return {begin - chunk.begin, end - chunk.begin};
  }
};

template <class T>
struct Attention {
  // Queries that one call should be given. Blocks must begin at multiples of it: the order of f32
  // sums depends on where a query stands in its block, so cutting elsewhere would change bits.
  int64_t block_queries;
  // Bytes of 64-byte aligned scratch that one call needs.
  int64_t (*scratch_bytes)(int64_t head_size) noexcept;
  void (*attend)(const AttentionProblem<T>& problem, Range queries, std::byte* scratch) noexcept;
};
const Attention<float>& attention_f32(Isa isa) noexcept;
const Attention<double>& attention_f64() noexcept;
// `isa` must have tiles. There are no factors in bf16.
const Attention<BFloat16>& attention_bf16(Isa isa) noexcept;

// The gradients, from what attend() wrote: `out` and `log_sums`. Weights are computed again, a
// block of queries and a chunk of keys at a time.
template <class T>
struct AttentionGradients {
  const T* d_out = nullptr;  // [num_queries, head_size]
  T* d_q = nullptr;          // [num_queries, head_size], written; null: not wanted
  T* d_k = nullptr;          // [num_keys, head_size], added to; null: not wanted
  T* d_v = nullptr;          // the same
  int64_t d_out_stride = 0, d_q_stride = 0, d_k_stride = 0, d_v_stride = 0;
  // Added to where a query sees a key, laid out as the problem's biases; null: not wanted.
  AttentionSum<T>* d_biases = nullptr;
};

template <class T>
struct AttentionBackward {
  // Queries that one call should be given. A key's gradient is one chain of multiply-adds in the
  // order of the queries, so that calls in that order give the same bits wherever they are cut.
  int64_t block_queries;
  int64_t (*scratch_bytes)(int64_t head_size) noexcept;
  void (*differentiate)(const AttentionProblem<T>& problem, const AttentionGradients<T>& gradients,
                        Range queries, std::byte* scratch) noexcept;
};
const AttentionBackward<float>& attention_backward_f32(Isa isa) noexcept;
const AttentionBackward<double>& attention_backward_f64() noexcept;

namespace ref {
// The specification, in double, for float and double.
template <class T>
void attend(const AttentionProblem<T>& problem, Range queries) noexcept;
template <class T>
void attend(const AttentionProblem<T>& problem) noexcept {
  attend(problem, {0, problem.num_queries});
}
template <class T>
void differentiate(const AttentionProblem<T>& problem, const AttentionGradients<T>& gradients,
                   Range queries) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
