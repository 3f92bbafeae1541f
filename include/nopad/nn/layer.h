// Layer: a function with weights that says what it does to masks.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"
#include "nopad/core/weight_source.h"
#include "nopad/nn/config.h"
#include "nopad/nn/parameter.h"
#include "nopad/nn/value.h"

namespace nopad::nn {

// What a layer does to the layout, which is the padding mask. Every layer says which it is, and is
// held to it at every call.
// `passes`  : each token by itself; the layout goes through
// `mixes`   : tokens of a sequence meet, within the layout, which goes through
// `reduces` : one result per sequence; the layout ends here
// `makes`   : padding is taken out of a dense batch; the layout begins here
// `relays`  : other tokens come out than went in, under a layout of their own
// `drops`   : the layout ends here on purpose, and padding comes back
// `refuses` : takes dense values only, since it could not keep a layout
enum class MaskRule { passes, mixes, reduces, makes, relays, drops, refuses };
std::string_view to_string(MaskRule rule) noexcept;

// What a layer computes in, chosen when its weights are loaded. bf16 needs matrix tiles.
enum class Compute { f32, bf16 };
DType dtype_of(Compute compute) noexcept;

// "encoder.layer.0" + "output" is "encoder.layer.0.output"; an empty prefix adds nothing.
std::string join(std::string_view prefix, std::string_view name);

struct NamedParameter {
  std::string name;  // "encoder.dense.weight"
  Parameter parameter;
};

class Symbol;

// Copies of a layer are the same layer: they share its weights and its mode. Weights come to be at
// the first call, from the shapes it is given. A layer of one's own derives from one of the kinds in
// nopad/nn/kinds.h, which have typed calls; this is what they have in common.
class Layer {
 public:
  virtual ~Layer() = default;

  // "LSTM"
  const std::string& kind() const noexcept { return state_->kind; }
  // Whether the two are copies of one layer.
  bool is_same(const Layer& other) const noexcept { return state_ == other.state_; }
  virtual MaskRule mask_rule() const noexcept = 0;

  // The call without types: builds the weights if there are none, calls, and holds the results to
  // the mask rule.
  // Throws LayoutError: a mask would be lost, naming the layer, and what to do instead.
  std::vector<Value> apply(std::span<const Value> inputs) const;
  // A call inside a model that is not there yet.
  // Throws what a call would throw, now.
  std::vector<Symbol> apply(std::span<const Symbol> inputs) const;
  // Makes the weights without a call. Done once; later calls change nothing.
  void build(std::span<const Spec> inputs) const;
  bool is_built() const noexcept { return state_->is_built; }

  // Training turns dropout on and lets batch norm take its statistics from the batch. Off at first.
  // Gradients are recorded in both modes; see autograd::NoGradScope.
  void train(bool on = true) const;
  void eval() const { train(false); }
  bool is_training() const noexcept { return state_->is_training; }

  // The weights, then the buffers, then those of the layers inside, by their place: those that
  // are trained and those that are not.
  std::vector<NamedParameter> parameters() const;
  int64_t num_trained() const;  // how many numbers are trained
  // Sets every parameter from `source`, where they have the names of parameters() behind `prefix`.
  // Throws WeightError: one is missing or misshapen, or the layer has not been built.
  void load(const WeightSource& source, std::string_view prefix = "") const;
  // f32 or f64; for what there is and what will be built.
  void to(DType dtype) const;

  // Tells its settings to a writer, or takes them from a reader. By default there are none.
  virtual void visit_config(ConfigVisitor& visitor);
  virtual std::unique_ptr<Layer> clone() const = 0;

 protected:
  explicit Layer(std::string kind);

  // Weights of this layer, to be kept as members; their values come in make_weights.
  Parameter add_parameter(std::string name) { return add(std::move(name), true); }
  Parameter add_buffer(std::string name) { return add(std::move(name), false); }
  // A layer inside this one, to be kept as a member: its parameters count as this one's.
  template <class L>
  L add_layer(const std::string& name, L layer) {
    add_child(name, layer);
    return layer;
  }
  void add_layer(const std::string& name, const std::shared_ptr<const Layer>& layer) {
    add_child(name, *layer);
  }

  // Initializes the parameters for inputs like these. By default there are none.
  virtual void make_weights(std::span<const Spec> inputs) const;
  virtual std::vector<Value> call_values(std::span<const Value> inputs) const = 0;

  // Throws ShapeError: another number of inputs.
  void expect_inputs(size_t actual, size_t expected) const;

 private:
  struct State;
  struct Child {
    std::string name;
    std::shared_ptr<State> state;
  };
  struct State {
    std::string kind;
    bool is_built = false, is_training = false;
    std::vector<Parameter> parameters = {};
    std::vector<Child> children = {};
  };
  Parameter add(std::string name, bool is_trained);
  void add_child(const std::string& name, const Layer& layer);  // once, whoever adds it again
  static void collect(const State& state, const std::string& prefix,
                      std::vector<NamedParameter>& out);
  template <class F>
  static void for_each_state(State& state, const F& f);

  std::shared_ptr<State> state_;
};

}  // namespace nopad::nn
