#include "nopad/nn/sequential.h"

#include "nn/layer_names.h"
#include "nopad/core/error.h"

namespace nopad::nn {
namespace {

// What is known of the value between two layers before its shape is.
enum class Kind { unknown, dense, ragged };

// Throws where a layer stands at a place that its rule does not allow; otherwise what it gives.
Kind next_kind(const Layer& layer, Kind before, const std::string& maker) {
  const MaskRule rule = layer.mask_rule();
  const bool needs_tokens =
      rule == MaskRule::mixes || rule == MaskRule::reduces || rule == MaskRule::relays;
  if (needs_tokens && before == Kind::dense) {
    fail<LayoutError>("Sequential: ", layer.kind(), ": its rule is ", rule,
                      ", so it needs tokens and their layout, and gets the dense result of ",
                      maker);
  }
  if (rule == MaskRule::refuses && before == Kind::ragged) {
    fail<LayoutError>("Sequential: ", layer.kind(), ": takes dense values only, and the mask that ",
                      maker,
                      " gives would be lost; pool the tokens first, or end the mask on purpose "
                      "with DropMask");
  }
  switch (rule) {
    case MaskRule::passes: return before;
    case MaskRule::mixes:
    case MaskRule::makes:
    case MaskRule::relays: return Kind::ragged;
    default: return Kind::dense;
  }
}

bool takes_dense(MaskRule rule) { return rule == MaskRule::makes || rule == MaskRule::refuses; }

// The rule of the whole chain.
MaskRule chain_rule(std::span<const std::shared_ptr<const Layer>> layers) {
  Kind first = Kind::unknown, last = Kind::unknown;
  bool relays = false;
  std::string maker = "the input";
  for (const auto& layer : layers) {
    const MaskRule rule = layer->mask_rule();
    last = next_kind(*layer, last, maker);
    if (rule == MaskRule::passes) continue;
    if (first == Kind::unknown) first = takes_dense(rule) ? Kind::dense : Kind::ragged;
    relays |= rule == MaskRule::relays;
    maker = layer->kind();
  }
  if (first == Kind::unknown) return MaskRule::passes;
  if (first == Kind::dense) return last == Kind::ragged ? MaskRule::makes : MaskRule::refuses;
  if (last == Kind::dense) return MaskRule::reduces;
  return relays ? MaskRule::relays : MaskRule::mixes;
}

}  // namespace

Sequential::Sequential(std::vector<std::shared_ptr<const Layer>> layers)
    : Layer("Sequential"), layers_(std::move(layers)) {
  add_all();
}

void Sequential::add_all() {
  rule_ = chain_rule(layers_);
  names_ = name_layers(layers_);
  for (size_t i = 0; i < layers_.size(); ++i) add_layer(names_[i], layers_[i]);
}

void Sequential::make_weights(std::span<const Spec> inputs) const {
  expect_inputs(inputs.size(), 1);
  std::vector<Spec> specs{inputs[0]};
  for (const auto& layer : layers_) {
    const std::vector<Spec> outputs = check_call(*layer, std::span(&specs.back(), 1));
    if (outputs.size() != 1) {
      fail<ShapeError>("Sequential: ", layer->kind(), ": expected one output, got ", outputs.size(),
                       "; a graph of several is a Model");
    }
    specs.push_back(outputs[0]);
  }
  *specs_ = std::move(specs);
}

std::vector<Value> Sequential::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), 1);
  Value value = inputs[0];
  for (const auto& layer : layers_) value = layer->apply(std::span(&value, 1)).front();
  return {std::move(value)};
}

Summary Sequential::summary() const {
  if (!is_built()) {
    fail<OptionError>("Sequential: summary: expected a built model; call build, or the model");
  }
  std::vector<SummaryRow> rows{{.name = "input", .outputs = {specs_->front()}}};
  for (size_t i = 0; i < layers_.size(); ++i) {
    rows.push_back(summary_row(*layers_[i], names_[i], {rows.back().name},
                               std::span(*specs_).subspan(i, 1),
                               std::span(*specs_).subspan(i + 1, 1)));
  }
  return summarize(*this, std::move(rows));
}

void Sequential::visit_config(ConfigVisitor& visitor) {
  visitor.field("layers", layers_);
  if (names_.size() != layers_.size()) add_all();  // a reader gave them
}

}  // namespace nopad::nn
