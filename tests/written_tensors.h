// Tensors written out in tests, and their elements read back.
#pragma once

#include <span>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::test {

template <class T>
Tensor tensor_of(const Shape& shape, const std::vector<T>& values) {
  return Tensor::from_values(std::span<const T>(values), shape);
}

// bool, from 0 and 1.
inline Tensor bools(const Shape& shape, const std::vector<int>& values) {
  return tensor_of<int32_t>(shape, values).to(DType::boolean);
}

template <class T>
std::vector<T> list(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

}  // namespace nopad::test
