// Sequential: layers one after another.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <vector>

#include "nopad/nn/kinds.h"
#include "nopad/nn/summary.h"

namespace nopad::nn {

// A chain of layers, itself a layer. Masks are checked when it is put together, shapes as soon as
// its input is known.
class Sequential : public Layer {
 public:
  // Throws LayoutError: a layer that refuses tokens, or needs them, stands where it can't:
  //   Sequential: Flatten: takes dense values only, and the mask that Embedding makes would be lost
  template <std::derived_from<Layer>... Layers>
  explicit Sequential(const Layers&... layers)
      : Sequential(std::vector<std::shared_ptr<const Layer>>{layers.clone()...}) {}
  explicit Sequential(std::vector<std::shared_ptr<const Layer>> layers);
  Sequential() : Sequential(std::vector<std::shared_ptr<const Layer>>{}) {}

  // Builds for an input like this and checks every layer. Calls do it by themselves.
  // Throws what a layer throws.
  void build(const Spec& input) const { Layer::build({&input, 1}); }

  Value operator()(const Value& x) const { return apply(std::span(&x, 1)).front(); }
  Symbol operator()(const Symbol& x) const { return apply(std::span(&x, 1)).front(); }

  size_t num_layers() const noexcept { return layers_.size(); }
  const Layer& layer(size_t index) const { return *layers_.at(index); }
  // Throws OptionError: it has not been built.
  Summary summary() const;

  MaskRule mask_rule() const noexcept override { return rule_; }
  void visit_config(ConfigVisitor& visitor) override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Sequential>(*this); }

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  void add_all();

  std::vector<std::shared_ptr<const Layer>> layers_;
  std::vector<std::string> names_;
  MaskRule rule_ = MaskRule::passes;
  // The input and what each layer gives, once built; shared by copies.
  std::shared_ptr<std::vector<Spec>> specs_ = std::make_shared<std::vector<Spec>>();
};

}  // namespace nopad::nn
