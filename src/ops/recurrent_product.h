// The product of a step's few rows with a weight that all steps share, packed once.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "nopad/core/tensor.h"

namespace nopad::ops {

// A product of a step; all matrices have their rows `..._stride` apart.
template <class T>
struct StepRows {
  int64_t rows = 0;
  const T* a = nullptr;  // [rows, K]
  int64_t a_stride = 0;
  T* c = nullptr;  // [rows, N], shares no element with a
  int64_t c_stride = 0;
  const T* bias = nullptr;    // [N], or none
  const T* addend = nullptr;  // [rows, N], rows c_stride apart, or none
};

// T is float (the machine's kernels) or double (the plain loop).
template <class T>
class StepProduct {
 public:
  // c = a wᵀ. w : [N, K]
  static StepProduct by_rows(const T* w, int64_t n, int64_t k) { return {w, n, k, false}; }
  // c = a w. w : [K, N]
  static StepProduct by_columns(const T* w, int64_t n, int64_t k) { return {w, n, k, true}; }

  // c = product + bias + addend. A row's result depends on its row alone.
  void multiply(const StepRows<T>& step) const noexcept;

 private:
  StepProduct(const T* w, int64_t n, int64_t k, bool is_transposed);

  int64_t n_, k_;
  const kernels::GemmF32* kernel_ = nullptr;  // of float alone
  Tensor packed_;
};

}  // namespace nopad::ops
