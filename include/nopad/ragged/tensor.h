// RaggedTensor: values per token, and the layout that says whose they are.
#pragma once

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"

namespace nopad {

// What flows between layers.
// values : [T, ...]   one row per real token, sequence after sequence; there is no padding in it
class RaggedTensor {
 public:
  RaggedTensor() : values_(Tensor::empty({0})) {}
  // Throws LayoutError: the first axis of `values` is not the layout's T.
  RaggedTensor(Tensor values, RaggedLayout layout);

  const Tensor& values() const noexcept { return values_; }
  const RaggedLayout& layout() const noexcept { return layout_; }
  // The rows [length, ...] of one sequence, sharing storage. Throws ShapeError: no such sequence.
  Tensor sequence(int64_t index) const;
  // Other values over the same tokens. Throws LayoutError: another number of rows.
  RaggedTensor with_values(Tensor values) const { return {std::move(values), layout_}; }

 private:
  Tensor values_;
  RaggedLayout layout_;
};

}  // namespace nopad
