#include "nopad/nn/layer.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "nopad/nn/symbol.h"

namespace nopad::nn {
namespace {

const RaggedLayout* first_layout(std::span<const Value> values) {
  const auto ragged = std::ranges::find_if(values, &Value::is_ragged);
  return ragged == values.end() ? nullptr : &ragged->ragged().layout();
}

// Results whose rule is `passes` or `mixes`: tokens stay those of the input.
void expect_kept(const Layer& layer, const RaggedLayout& before, std::span<const Value> outputs) {
  const RaggedLayout* const after = first_layout(outputs);
  const bool all_ragged = std::ranges::all_of(outputs, &Value::is_ragged);
  if (after == nullptr || (layer.mask_rule() == MaskRule::passes && !all_ragged)) {
    fail<LayoutError>(layer.kind(), ": output: expected tokens over the layout ", before,
                      " since its rule is ", layer.mask_rule(),
                      ", got a dense tensor: the mask would be lost; a layer that ends it is a "
                      "ReducingLayer");
  }
  for (const Value& output : outputs) {
    if (!output.is_ragged() || output.ragged().layout() == before) continue;
    fail<LayoutError>(layer.kind(), ": output: expected the input's layout ", before,
                      " since its rule is ", layer.mask_rule(), ", got ", output.ragged().layout(),
                      "; a layer that changes the tokens is a RelayingLayer");
  }
}

void expect_ragged(const Layer& layer, std::span<const Value> outputs) {
  if (first_layout(outputs) != nullptr) return;
  fail<LayoutError>(layer.kind(), ": output: expected tokens and their layout since its rule is ",
                    layer.mask_rule(), ", got a dense tensor: the mask would be lost");
}

void expect_dense(const Layer& layer, std::span<const Value> outputs) {
  const RaggedLayout* const layout = first_layout(outputs);
  if (layout == nullptr) return;
  fail<LayoutError>(layer.kind(), ": output: expected a dense tensor since its rule is ",
                    layer.mask_rule(), ", got tokens over the layout ", *layout);
}

void expect_rule(const Layer& layer, std::span<const Value> inputs,
                 std::span<const Value> outputs) {
  const RaggedLayout* const before = first_layout(inputs);
  switch (layer.mask_rule()) {
    case MaskRule::passes:
    case MaskRule::mixes:
      if (before == nullptr) return expect_dense(layer, outputs);
      return expect_kept(layer, *before, outputs);
    case MaskRule::makes:
    case MaskRule::relays: return expect_ragged(layer, outputs);
    case MaskRule::reduces:
    case MaskRule::drops:
    case MaskRule::refuses: return expect_dense(layer, outputs);
  }
}

}  // namespace

std::string_view to_string(MaskRule rule) noexcept {
  switch (rule) {
    case MaskRule::passes: return "passes";
    case MaskRule::mixes: return "mixes";
    case MaskRule::reduces: return "reduces";
    case MaskRule::makes: return "makes";
    case MaskRule::relays: return "relays";
    case MaskRule::drops: return "drops";
    case MaskRule::refuses: return "refuses";
  }
  return "?";
}

DType dtype_of(Compute compute) noexcept {
  return compute == Compute::bf16 ? DType::bf16 : DType::f32;
}

std::string join(std::string_view prefix, std::string_view name) {
  std::string out(prefix);
  if (!out.empty()) out += '.';
  return out += name;
}

Layer::Layer(std::string kind) : state_(std::make_shared<State>()) {
  state_->kind = std::move(kind);
}

std::vector<Value> Layer::apply(std::span<const Value> inputs) const {
  if (mask_rule() == MaskRule::refuses) {
    for (const Value& input : inputs) input.dense(kind());
  }
  if (!is_built()) {
    std::vector<Spec> specs;
    std::ranges::transform(inputs, std::back_inserter(specs), Spec::of);
    build(specs);
  }
  std::vector<Value> outputs = call_values(inputs);
  expect_rule(*this, inputs, outputs);
  return outputs;
}

std::vector<Symbol> Layer::apply(std::span<const Symbol> inputs) const {
  std::vector<Spec> specs;
  std::ranges::transform(inputs, std::back_inserter(specs), &Symbol::spec);
  auto call = std::make_shared<Call>();
  call->layer = clone();
  call->inputs.assign(inputs.begin(), inputs.end());
  call->outputs = check_call(*this, specs);
  std::vector<Symbol> outputs;
  for (int i = 0; i < std::ssize(call->outputs); ++i) outputs.emplace_back(call, i);
  return outputs;
}

void Layer::build(std::span<const Spec> inputs) const {
  if (is_built()) return;
  make_weights(inputs);
  state_->is_built = true;
}

void Layer::make_weights(std::span<const Spec>) const {}

void Layer::visit_config(ConfigVisitor&) {}

void Layer::expect_inputs(size_t actual, size_t expected) const {
  if (actual == expected) return;
  fail<ShapeError>(kind(), ": inputs: expected ", expected, ", got ", actual);
}

template <class F>
void Layer::for_each_state(State& state, const F& f) {
  f(state);
  for (const Child& child : state.children) for_each_state(*child.state, f);
}

void Layer::train(bool on) const {
  for_each_state(*state_, [&](State& state) { state.is_training = on; });
}

void Layer::to(DType dtype) const {
  for_each_state(*state_, [&](State& state) {
    for (const Parameter& parameter : state.parameters) parameter.to(dtype);
  });
}

Parameter Layer::add(std::string name, bool is_trained) {
  return state_->parameters.emplace_back(Parameter(std::move(name), is_trained));
}

void Layer::add_child(const std::string& name, const Layer& layer) {
  const auto is_it = [&](const Child& child) { return child.state == layer.state_; };
  if (std::ranges::any_of(state_->children, is_it)) return;
  state_->children.push_back({name, layer.state_});
}

void Layer::collect(const State& state, const std::string& prefix,
                    std::vector<NamedParameter>& out) {
  for (const Parameter& parameter : state.parameters) {
    if (parameter.has_value()) out.push_back({join(prefix, parameter.name()), parameter});
  }
  for (const Child& child : state.children) collect(*child.state, join(prefix, child.name), out);
}

std::vector<NamedParameter> Layer::parameters() const {
  std::vector<NamedParameter> out;
  collect(*state_, "", out);
  return out;
}

int64_t Layer::num_trained() const {
  int64_t count = 0;
  for (const auto& [name, parameter] : parameters()) {
    if (parameter.is_trained()) count += parameter->num_elements();
  }
  return count;
}

void Layer::load(const WeightSource& source, std::string_view prefix) const {
  const std::vector<NamedParameter> targets = parameters();
  bool has_weights = false;
  for_each_state(*state_, [&](State& state) { has_weights |= !state.parameters.empty(); });
  if (has_weights && targets.empty()) {
    fail<WeightError>(kind(),
                      ": load: expected a built layer, got one without weights (not built for an "
                      "input yet, or frozen)");
  }
  for (const auto& [name, parameter] : targets) {
    parameter.assign(load_weight(source, join(prefix, name), parameter->shape()));
  }
}

}  // namespace nopad::nn
