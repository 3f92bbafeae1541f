// What an op records so that gradients can be found: nothing, unless an input needs one.
#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::autograd {

// The gradients of an op's inputs, in their order, from that of its output.
using Backward = std::function<std::vector<Tensor>(const Tensor& d_output)>;

// What a tensor knows of its origin. A leaf (a parameter) has no inputs and no backward.
struct Node {
  std::string_view op;
  std::vector<Tensor> inputs = {};
  Backward backward = {};
};

// Makes `tensor` a leaf: a value whose gradient is wanted. Copies made later share it.
void require_grad(Tensor& tensor);
// Whether the tensor is a leaf, or was computed from one while recording was on.
bool needs_grad(const Tensor& tensor) noexcept;

// False inside a NoGradScope on this thread. On by default: where no input needs it, it is free.
bool is_recording() noexcept;
class NoGradScope {
 public:
  NoGradScope() noexcept;
  ~NoGradScope();
  NoGradScope(const NoGradScope&) = delete;
  NoGradScope& operator=(const NoGradScope&) = delete;

 private:
  bool previous_;
};

// Whether an op with these inputs has to record itself. An op asks before it keeps anything alive.
bool should_record(std::initializer_list<const Tensor*> inputs) noexcept;
// Records that `output` came from `inputs` by `op`.
void record(Tensor& output, std::string_view op, std::vector<Tensor> inputs, Backward backward);

// The check of an op that has no backward pass: a gradient must not get lost in silence.
// Throws OptionError naming the op: recording is on and one of the inputs needs a gradient.
void expect_no_grad(std::string_view op, std::initializer_list<const Tensor*> inputs);

}  // namespace nopad::autograd
