#include "nopad/autograd/backward.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "nopad/core/error.h"

namespace nopad::autograd {
namespace {

// What a node's outputs have received so far. A first gradient is shared with whoever gave it; the
// sum with a second one is our own and is added to in place.
struct Received {
  std::vector<Tensor> d_outputs;
  std::vector<char> state;

  enum State : char { none, shared, owned };
  explicit Received(size_t num_outputs) : d_outputs(num_outputs), state(num_outputs, none) {}
};

template <class T>
void add(Tensor& sum, const Tensor& a, const Tensor& b) {
  std::ranges::transform(a.values<T>(), b.values<T>(), sum.mutable_values<T>().begin(),
                         std::plus<>());
}

void add_into(Received& received, int output, const Tensor& d) {
  const auto i = static_cast<size_t>(output);
  Tensor& sum = received.d_outputs[i];
  if (received.state[i] == Received::none) {
    sum = d;
    received.state[i] = Received::shared;
    return;
  }
  const Tensor before = sum;
  if (received.state[i] == Received::shared) sum = Tensor::empty(before.shape(), before.dtype());
  received.state[i] = Received::owned;
  if (d.dtype() == DType::f64) {
    add<double>(sum, before, d);
  } else {
    add<float>(sum, before, d);
  }
}

void expect_gradient(const Node::Output& output, const Tensor& d, std::string_view op,
                     const char* of) {
  if (d.shape() != output.shape) {
    fail<ShapeError>(op, ": gradient of ", of, ": expected ", output.shape, ", got ", d.shape());
  }
  if (d.dtype() != output.dtype) {
    fail<DTypeError>(op, ": gradient of ", of, ": expected ", output.dtype, ", got ", d.dtype());
  }
}

// Every node that the outputs come from, each after all its inputs. Without recursion: a graph is
// as deep as its program was long.
std::vector<Node*> sorted_nodes(std::span<const Tensor> outputs) {
  struct Visit {
    Node* node;
    size_t next_input;
  };
  std::vector<Node*> sorted;
  std::unordered_map<const Node*, bool> seen;
  std::vector<Visit> path;
  const auto enter = [&](Node* node) {
    if (node != nullptr && seen.emplace(node, true).second) path.push_back({node, 0});
  };
  for (const Tensor& output : outputs) {
    enter(output.node().get());
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next_input < visit.node->inputs.size()) {
        enter(visit.node->inputs[visit.next_input++].node.get());
      } else {
        sorted.push_back(visit.node);
        path.pop_back();
      }
    }
  }
  return sorted;
}

std::vector<Tensor> with_zeros(Received received, const Node& node) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (received.state[i] == Received::none) {
      received.d_outputs[i] = Tensor::zeros(node.outputs[i].shape, node.outputs[i].dtype);
    }
  }
  return std::move(received.d_outputs);
}

Tensor one_like(const Tensor& output) {
  if (output.num_elements() != 1) {
    fail<ShapeError>("backward: output: expected one element, got ", output.shape());
  }
  Tensor one = Tensor::empty(output.shape(), output.dtype());
  if (one.dtype() == DType::f64) {
    one.mutable_values<double>()[0] = 1;
  } else {
    one.mutable_values<float>()[0] = 1;
  }
  return one;
}

}  // namespace

bool Gradients::contains(const Tensor& leaf) const { return by_leaf_.contains(leaf.node().get()); }

Tensor Gradients::of(const Tensor& leaf) const {
  if (!needs_grad(leaf) || leaf.node()->backward) {
    fail<OptionError>("Gradients: leaf: expected a tensor made a leaf by require_grad, got ",
                      needs_grad(leaf) ? leaf.node()->op : "one that needs no gradient");
  }
  const auto found = by_leaf_.find(leaf.node().get());
  return found != by_leaf_.end() ? found->second : Tensor::zeros(leaf.shape(), leaf.dtype());
}

Gradients backward(std::span<const Tensor> outputs, std::span<const Tensor> d_outputs) {
  if (outputs.size() != d_outputs.size()) {
    fail<ShapeError>("backward: d_outputs: expected ", outputs.size(), " as the outputs, got ",
                     d_outputs.size());
  }
  if (std::ranges::none_of(outputs, needs_grad)) {
    fail<OptionError>("backward: output: nothing that it was computed from needs a gradient");
  }
  const NoGradScope no_grad;
  std::unordered_map<const Node*, Received> received;
  const auto give = [&](const Edge& edge, const Tensor& d) {
    const auto [place, unused] = received.try_emplace(edge.node.get(), edge.node->outputs.size());
    add_into(place->second, edge.output, detach(d));
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!needs_grad(outputs[i])) continue;
    expect_gradient({outputs[i].shape(), outputs[i].dtype()}, d_outputs[i], "backward", "output");
    give({outputs[i].node(), outputs[i].node_output()}, d_outputs[i]);
  }
  Gradients found;
  const std::vector<Node*> nodes = sorted_nodes(outputs);
  for (auto place = nodes.rbegin(); place != nodes.rend(); ++place) {
    const Node* const node = *place;
    auto mine = received.extract(node);
    if (mine.empty()) continue;
    std::vector<Tensor> d = with_zeros(std::move(mine.mapped()), *node);
    if (!node->backward) {
      found.by_leaf_.emplace(node, std::move(d[0]));
      continue;
    }
    const std::vector<Tensor> d_inputs = node->backward(d);
    if (d_inputs.size() != node->inputs.size()) {
      fail<InternalError>(node->op, ": backward: expected ", node->inputs.size(),
                          " gradients, got ", d_inputs.size());
    }
    for (size_t i = 0; i < d_inputs.size(); ++i) {
      const Edge& edge = node->inputs[i];
      if (edge.node == nullptr) continue;
      expect_gradient(edge.node->outputs[static_cast<size_t>(edge.output)], d_inputs[i], node->op,
                      "an input");
      give(edge, d_inputs[i]);
    }
  }
  return found;
}

Gradients backward(const Tensor& output, const Tensor& d_output) {
  return backward(std::span(&output, 1), std::span(&d_output, 1));
}

Gradients backward(const Tensor& output) { return backward(output, one_like(output)); }

}  // namespace nopad::autograd
