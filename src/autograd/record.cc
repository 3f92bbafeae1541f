#include "nopad/autograd/record.h"

#include <algorithm>

#include "nopad/core/error.h"

namespace nopad::autograd {
namespace {

thread_local bool recording = true;

Edge edge_to(const Tensor& tensor) { return {tensor.node(), tensor.node_output()}; }

std::vector<Edge> edges_to(std::span<const Tensor> inputs) {
  std::vector<Edge> edges(inputs.size());
  std::ranges::transform(inputs, edges.begin(), edge_to);
  return edges;
}

Node::Output output_of(const Tensor& tensor) { return {tensor.shape(), tensor.dtype()}; }

}  // namespace

Node::~Node() {
  // Taking the inputs' nodes apart here, one by one, keeps a long chain off the stack.
  std::vector<std::shared_ptr<Node>> unowned;
  const auto take = [&](std::vector<Edge>& edges) {
    for (Edge& edge : edges) {
      if (edge.node != nullptr) unowned.push_back(std::move(edge.node));
    }
    edges.clear();
  };
  take(inputs);
  while (!unowned.empty()) {
    const std::shared_ptr<Node> node = std::move(unowned.back());
    unowned.pop_back();
    if (node.use_count() == 1) take(node->inputs);
  }
}

void require_grad(Tensor& tensor) {
  if (tensor.dtype() != DType::f32 && tensor.dtype() != DType::f64) {
    fail<DTypeError>("require_grad: tensor: expected f32 or f64, got ", tensor.dtype());
  }
  if (needs_grad(tensor)) return;
  tensor.set_node(
      std::make_shared<Node>(Node{.op = "leaf", .inputs = {}, .outputs = {output_of(tensor)}}), 0);
}

bool needs_grad(const Tensor& tensor) noexcept { return tensor.node() != nullptr; }

Tensor detach(const Tensor& tensor) {
  Tensor out = tensor;
  out.set_node(nullptr, 0);
  return out;
}

bool is_recording() noexcept { return recording; }

NoGradScope::NoGradScope() noexcept : previous_(recording) { recording = false; }

NoGradScope::~NoGradScope() { recording = previous_; }

bool should_record(std::initializer_list<const Tensor*> inputs) noexcept {
  return recording &&
         std::ranges::any_of(inputs, [](const Tensor* input) { return needs_grad(*input); });
}

bool should_record(std::span<const Tensor> inputs) noexcept {
  return recording && std::ranges::any_of(inputs, needs_grad);
}

void record(Tensor& output, std::string_view op, std::span<const Tensor> inputs,
            Backward backward) {
  const auto of_one = [backward = std::move(backward)](std::span<const Tensor> d_outputs) {
    return backward(d_outputs[0]);
  };
  record_all(std::span(&output, 1), op, inputs, of_one);
}

void record_all(std::span<Tensor> outputs, std::string_view op, std::span<const Tensor> inputs,
                BackwardOfMany backward) {
  std::vector<Node::Output> described(outputs.size());
  std::ranges::transform(outputs, described.begin(), output_of);
  const auto node =
      std::make_shared<Node>(Node{op, edges_to(inputs), std::move(described), std::move(backward)});
  for (int i = 0; i < std::ssize(outputs); ++i) {
    outputs[static_cast<size_t>(i)].set_node(node, i);
  }
}

void record_all(std::initializer_list<Tensor*> outputs, std::string_view op,
                std::initializer_list<Tensor> inputs, BackwardOfMany backward) {
  std::vector<Tensor> tensors;
  for (const Tensor* output : outputs) tensors.push_back(*output);
  record_all(tensors, op, std::span(inputs.begin(), inputs.size()), std::move(backward));
  auto recorded = tensors.begin();
  for (Tensor* output : outputs) *output = std::move(*recorded++);
}

void expect_no_grad(std::string_view op, std::initializer_list<const Tensor*> inputs) {
  if (should_record(inputs)) {
    fail<OptionError>(op,
                      ": an input needs a gradient, and this op has no backward pass; run it in a "
                      "NoGradScope");
  }
}

}  // namespace nopad::autograd
