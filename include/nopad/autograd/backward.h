// backward: the gradients of everything that a result was computed from.
#pragma once

#include <span>
#include <unordered_map>

#include "nopad/autograd/record.h"
#include "nopad/core/tensor.h"

namespace nopad::autograd {

// The gradients that one backward walk found, by the leaf that they belong to.
class Gradients {
 public:
  // Whether a gradient reached this leaf.
  bool contains(const Tensor& leaf) const;
  // The gradient of a leaf, in its shape and dtype; zeros where none reached it.
  // Throws OptionError: not a leaf.
  Tensor of(const Tensor& leaf) const;

 private:
  friend Gradients backward(std::span<const Tensor>, std::span<const Tensor>);
  std::unordered_map<const Node*, Tensor> by_leaf_;
};

// Walks from a result back to its leaves. Ops run once each, the last first, in a fixed order, so
// the same graph gives the same bits; gradients of one tensor add up in that order. Nothing is
// recorded, and the graph stays for another walk.
// output   : one element of f32 or f64, e.g. a loss
// Throws   : ShapeError, more than one element; OptionError, the output needs no gradient
Gradients backward(const Tensor& output);
// outputs   : any shapes; those that need no gradient are skipped
// d_outputs : as many, of the outputs' shapes and dtypes
// Throws    : ShapeError; DTypeError; OptionError, none of the outputs needs a gradient
Gradients backward(std::span<const Tensor> outputs, std::span<const Tensor> d_outputs);
Gradients backward(const Tensor& output, const Tensor& d_output);

}  // namespace nopad::autograd
