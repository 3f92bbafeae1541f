// Scaled dot-product attention of one sequence and one head, a block of queries at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

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

// out = softmax(scale q kᵀ) v over the visible keys. A query that sees none gets zeros. Keys and
// values that a query does not see never enter its result, whatever they hold. T is float or
// BFloat16; sums and softmax are f32 in both.
template <class T>
struct AttentionProblem {
  int64_t num_queries = 0, num_keys = 0, head_size = 0;
  const T* q = nullptr;  // [num_queries, head_size], rows q_stride apart; and so on
  const T* k = nullptr;
  const T* v = nullptr;
  T* out = nullptr;
  int64_t q_stride = 0, k_stride = 0, v_stride = 0, out_stride = 0;
  float scale = 1;
  VisibleKeys visible;
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
// `isa` must have tiles.
const Attention<BFloat16>& attention_bf16(Isa isa) noexcept;

namespace ref {
// The specification, in double.
void attend(const AttentionProblem<float>& problem) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
