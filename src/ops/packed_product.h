// PackedProduct: one weight against many blocks of rows, packed once.
#pragma once

#include <cstdint>

#include "nopad/core/tensor.h"

namespace nopad::ops {

// Rows of a matrix that lie some stride apart.
template <class T>
struct Rows {
  T* data;
  int64_t stride;
};

// c = a wᵀ + bias. T is float or double.
template <class T>
class PackedProduct {
 public:
  // w : [N, K], or [K, N] where it is transposed; of f64, it must outlive this
  PackedProduct(const T* w, int64_t n, int64_t k, bool is_transposed);

  // a : [M, K]   bias : [N], or null   c : [M, N]
  // An element is one sum in the order of k, on any number of threads.
  void multiply(Rows<const T> a, int64_t m, const T* bias, Rows<T> c) const;

 private:
  const T* w_;
  int64_t n_, k_;
  bool is_transposed_;
  Tensor packed_;  // f32 only
};

}  // namespace nopad::ops
