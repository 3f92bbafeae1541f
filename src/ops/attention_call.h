// Attention as the kernels are asked for it: a call over ragged operands, cut into tasks for threads.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "nopad/ops/attention.h"

namespace nopad::ops {

// One call as the kernels see it: rows some stride apart, heads side by side in them.
template <class T>
struct AttentionCall {
  const T* q;
  const T* k;
  const T* v;
  int64_t q_stride, kv_stride;
  int64_t width;  // D
  const RaggedLayout& queries;
  const RaggedLayout& keys;
  const AttentionConfig& config;
  T* out = nullptr;                              // [T, D]
  kernels::AttentionSum<T>* log_sums = nullptr;  // [H, T], where a backward pass will want them

  int64_t head_size() const { return width / config.num_heads; }
};

// Writes out, and log_sums where there are any. T is float, double or BFloat16.
// Throws OptionError: bf16 without matrix tiles.
template <class T>
void attend(const AttentionCall<T>& call);

// The gradients of a call's operands, in rows of the operands' strides. Null: not wanted.
template <class T>
struct AttentionCallGradients {
  const T* d_out;
  T* d_q;
  T* d_k;
  T* d_v;
  T* d_table = nullptr;  // as the table of relative positions
};

// Writes d_q and adds to d_k, d_v and d_table, from what attend() wrote. T is float or double.
template <class T>
void differentiate(const AttentionCall<T>& call, const AttentionCallGradients<T>& gradients);

}  // namespace nopad::ops
