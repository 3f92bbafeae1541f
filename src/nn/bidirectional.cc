#include "nopad/nn/bidirectional.h"

#include <array>

#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

// Forward's outputs and backward's.
std::vector<Value> halves_of(const Value& output) {
  std::vector<Value> out;
  for (Tensor& half : ops::split(output.values(), 2, -1)) {
    if (output.is_ragged()) {
      out.emplace_back(output.ragged().with_values(std::move(half)));
    } else {
      out.emplace_back(std::move(half));
    }
  }
  return out;
}

Tensor combine(BidirectionalMerge merge, const Tensor& forward, const Tensor& backward) {
  if (merge == BidirectionalMerge::mul) return ops::multiply(forward, backward);
  const Tensor sum = ops::add(forward, backward);
  return merge == BidirectionalMerge::sum ? sum : ops::multiply(sum, 0.5);
}

// What stands in the place of the two directions' outputs side by side.
std::vector<Value> merged(BidirectionalMerge merge, const Value& output) {
  if (merge == BidirectionalMerge::concat) return {output};
  std::vector<Value> halves = halves_of(output);
  if (merge == BidirectionalMerge::none) return halves;
  Tensor out = combine(merge, halves[0].values(), halves[1].values());
  if (output.is_ragged()) return {output.ragged().with_values(std::move(out))};
  return {std::move(out)};
}

}  // namespace

Bidirectional::Bidirectional(const Recurrent& layer, BidirectionalMerge merge)
    : Layer("Bidirectional"), layer_(layer.make_bidirectional()), merge_(merge) {
  add_layer("layer", layer_);
}

const Recurrent& Bidirectional::layer() const {
  if (layer_ == nullptr) fail<OptionError>("Bidirectional: layer: expected one, got none");
  return static_cast<const Recurrent&>(*layer_);
}

void Bidirectional::visit_config(ConfigVisitor& visitor) {
  constexpr std::array<std::string_view, 5> kMerges = {"concat", "sum", "mul", "ave", "none"};
  visitor.field("layer", layer_);
  visitor.choice("merge", merge_, kMerges);
  const auto* const recurrent = dynamic_cast<const Recurrent*>(layer_.get());
  if (recurrent == nullptr || !recurrent->config().bidirectional) {
    fail<OptionError>("Bidirectional: layer: expected a bidirectional LSTM, GRU or SimpleRNN, got ",
                      layer_ == nullptr ? "none" : layer_->kind());
  }
  add_layer("layer", layer_);  // a reader may have given it
}

std::vector<Value> Bidirectional::call_values(std::span<const Value> inputs) const {
  std::vector<Value> outputs = layer().apply(inputs);
  std::vector<Value> out = merged(merge_, outputs.front());
  out.insert(out.end(), outputs.begin() + 1, outputs.end());
  return out;
}

}  // namespace nopad::nn
