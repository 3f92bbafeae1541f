// Bidirectional: a recurrent layer in both directions, and what becomes of their outputs.
#pragma once

#include <memory>
#include <string_view>

#include "nopad/nn/recurrent.h"

namespace nopad::nn {

// What Keras calls its merge_mode: side by side, the sum, the product, the mean, or two outputs.
enum class BidirectionalMerge { concat, sum, mul, ave, none };

// Both directions run at once, over one product with the input. Backward begins at each sequence's
// own last token, and its outputs stand at the tokens they belong to.
// x      : [T, D]
// return : [T, 2U] or [B, 2U] with `concat`, otherwise [T, U] or [B, U]; `none` gives forward's,
//          then backward's; after them the states, as Recurrent gives them
// Mask   : as the layer's: mixes with return_sequences, otherwise reduces
// Throws : OptionError, a layer that goes backwards already; else as Recurrent
// Weights: those of the layer, named layer.weight, ...
// Source : keras.layers.Bidirectional
class Bidirectional : public Layer {
 public:
  // Takes the layer's settings; the weights are new, as in Keras.
  explicit Bidirectional(const Recurrent& layer,
                         BidirectionalMerge merge = BidirectionalMerge::concat);
  // For a reader of settings.
  Bidirectional() : Layer("Bidirectional") {}

  // The first output; apply gives all, and takes initial states.
  Value operator()(const Value& x) const { return apply(std::span(&x, 1)).front(); }
  Symbol operator()(const Symbol& x) const { return apply(std::span(&x, 1)).front(); }

  // The layer in both directions. Throws OptionError: a reader gave none.
  const Recurrent& layer() const;
  BidirectionalMerge merge() const noexcept { return merge_; }
  MaskRule mask_rule() const noexcept override {
    return layer_ ? layer_->mask_rule() : MaskRule::mixes;
  }

  using Layer::load;
  // As Recurrent's: `prefix`.weight_ih_l0_reverse, ...; `prefix`/backward_lstm/lstm_cell/kernel, ...
  void load_pytorch(const WeightSource& source, std::string_view prefix = "") const {
    layer().load_pytorch(source, prefix);
  }
  void load_keras(const WeightSource& source, std::string_view prefix = "") const {
    layer().load_keras(source, prefix);
  }

  void visit_config(ConfigVisitor& visitor) override;
  std::unique_ptr<Layer> clone() const override { return std::make_unique<Bidirectional>(*this); }

 protected:
  void make_weights(std::span<const Spec> inputs) const override { layer().build(inputs); }
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  std::shared_ptr<const Layer> layer_;  // a Recurrent
  BidirectionalMerge merge_ = BidirectionalMerge::concat;
};

}  // namespace nopad::nn
