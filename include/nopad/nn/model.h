// Model: layers put together as a graph, with any number of inputs and outputs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nopad/nn/kinds.h"
#include "nopad/nn/summary.h"

namespace nopad::nn {

// The calls between some inputs and some outputs, itself a layer. Each was checked when its symbol
// was made, so what can be written down can be run.
class Model : public Layer {
 public:
  Model(const Symbol& input, const Symbol& output)
      : Model(std::vector{input}, std::vector{output}) {}
  // Throws OptionError: an output depends on an input that is not given, or an input is not one.
  Model(std::vector<Symbol> inputs, std::vector<Symbol> outputs);

  // One value per input.
  // Throws ShapeError or DTypeError: a value is not as its input says; LayoutError, inputs over the
  // same tokens have different layouts
  std::vector<Value> operator()(std::span<const Value> inputs) const { return apply(inputs); }
  std::vector<Symbol> operator()(std::span<const Symbol> inputs) const { return apply(inputs); }
  // For models of one input and one output.
  Value operator()(const Value& x) const { return apply(std::span(&x, 1)).front(); }
  Symbol operator()(const Symbol& x) const { return apply(std::span(&x, 1)).front(); }

  const std::vector<Symbol>& inputs() const noexcept;
  const std::vector<Symbol>& outputs() const noexcept;
  Summary summary() const;

  // One call of the graph, in an order in which it can be run. Its inputs and the model's outputs
  // name a call by its place, and which of its outputs.
  struct Edge {
    int64_t call = 0;
    int64_t output = 0;
  };
  struct Step {
    std::shared_ptr<const Call> call;
    std::string name;  // of the layer's weights: "dense", "dense_2"; of an input, its own
    std::vector<Edge> inputs;
  };
  const std::vector<Step>& steps() const noexcept;
  const std::vector<Edge>& output_edges() const noexcept;

  MaskRule mask_rule() const noexcept override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Model>(*this); }

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  struct Graph;
  std::shared_ptr<const Graph> graph_;
};

}  // namespace nopad::nn
