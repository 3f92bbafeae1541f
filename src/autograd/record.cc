#include "nopad/autograd/record.h"

#include <algorithm>

#include "nopad/core/error.h"

namespace nopad::autograd {
namespace {

thread_local bool recording = true;

}  // namespace

void require_grad(Tensor& tensor) {
  if (tensor.node() == nullptr) tensor.set_node(std::make_shared<Node>(Node{.op = "leaf"}));
}

bool needs_grad(const Tensor& tensor) noexcept { return tensor.node() != nullptr; }

bool is_recording() noexcept { return recording; }

NoGradScope::NoGradScope() noexcept : previous_(recording) { recording = false; }

NoGradScope::~NoGradScope() { recording = previous_; }

bool should_record(std::initializer_list<const Tensor*> inputs) noexcept {
  return recording &&
         std::ranges::any_of(inputs, [](const Tensor* input) { return needs_grad(*input); });
}

void record(Tensor& output, std::string_view op, std::vector<Tensor> inputs, Backward backward) {
  output.set_node(std::make_shared<Node>(Node{op, std::move(inputs), std::move(backward)}));
}

void expect_no_grad(std::string_view op, std::initializer_list<const Tensor*> inputs) {
  if (should_record(inputs)) {
    fail<OptionError>(op,
                      ": an input needs a gradient, and this op has no backward pass; run it in a "
                      "NoGradScope");
  }
}

}  // namespace nopad::autograd
