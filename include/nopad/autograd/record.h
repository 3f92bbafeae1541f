// What an op records so that gradients can be found: nothing, unless an input needs one.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::autograd {

// The gradients of an op's inputs, in their order, from that of its output. They have the inputs'
// shapes and dtypes; for an input that needs none, an empty Tensor() may stand. It runs inside a
// NoGradScope, once or more often.
// What it captures lives as long as the output does, so it captures little, and each tensor
// detached: an op whose backward holds its own recorded output would never be freed.
using Backward = std::function<std::vector<Tensor>(const Tensor& d_output)>;
// The same for an op of several outputs. One that no gradient reached comes as zeros.
using BackwardOfMany = std::function<std::vector<Tensor>(std::span<const Tensor> d_outputs)>;

// Which output of which op a gradient belongs to.
struct Edge {
  std::shared_ptr<Node> node = {};  // null: no gradient is wanted
  int output = 0;
};

// What a tensor knows of its origin. A leaf (a parameter) has no inputs and no backward.
struct Node {
  struct Output {
    Shape shape;
    DType dtype;
  };
  std::string_view op;
  std::vector<Edge> inputs = {};
  std::vector<Output> outputs = {};
  BackwardOfMany backward = {};

  ~Node();  // frees a chain of any length without recursion
};

// Makes `tensor` a leaf: a value whose gradient is wanted. Copies made later share it.
// Throws DTypeError: neither f32 nor f64.
void require_grad(Tensor& tensor);
// Whether the tensor is a leaf, or was computed from one while recording was on.
bool needs_grad(const Tensor& tensor) noexcept;
// The same elements without the origin: what a backward captures, and what ends a gradient's way.
Tensor detach(const Tensor& tensor);

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
bool should_record(std::span<const Tensor> inputs) noexcept;
// Records that `output` came from `inputs` by `op`, which must be a literal.
void record(Tensor& output, std::string_view op, std::span<const Tensor> inputs, Backward backward);
inline void record(Tensor& output, std::string_view op, std::initializer_list<Tensor> inputs,
                   Backward backward) {
  record(output, op, std::span(inputs.begin(), inputs.size()), std::move(backward));
}
// As above for several outputs of one op.
void record_all(std::initializer_list<Tensor*> outputs, std::string_view op,
                std::initializer_list<Tensor> inputs, BackwardOfMany backward);
void record_all(std::span<Tensor> outputs, std::string_view op, std::span<const Tensor> inputs,
                BackwardOfMany backward);

// The check of an op that has no backward pass: a gradient must not get lost in silence.
// Throws OptionError naming the op: recording is on and one of the inputs needs a gradient.
void expect_no_grad(std::string_view op, std::initializer_list<const Tensor*> inputs);

}  // namespace nopad::autograd
