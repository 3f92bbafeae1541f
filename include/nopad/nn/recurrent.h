// Recurrent: what LSTM, GRU and SimpleRNN have in common: levels, directions, states and loading.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/nn/dropout.h"
#include "nopad/nn/layer.h"
#include "nopad/nn/symbol.h"
#include "nopad/ops/recurrent.h"

namespace nopad::nn {

struct RecurrentConfig {
  int64_t units = 0;              // U
  int64_t layers = 1;             // levels, each over the one below; PyTorch's num_layers
  bool bidirectional = false;     // every level in both directions, their outputs side by side
  bool go_backwards = false;      // from each sequence's last token to its first
  bool return_sequences = false;  // in a model: all outputs, or only the final one
  bool return_state = false;      // in a model: the final states after the outputs
  bool use_bias = true;
  double dropout = 0;  // of what goes from level to level, in training
};

// What one kind of recurrence differs in from another.
struct RecurrentCell {
  int64_t num_gates = 1;                          // G
  std::array<size_t, 4> keras_gates{0, 1, 2, 3};  // which of Keras' gates is each of ours
  std::optional<int64_t> open_gate = {};          // its bias begins at 1
  bool has_c = false;                             // a second state
  bool has_recurrent_bias = false;                // a bias of its own for the product of h
  bool is_in_pytorch = true;
};
struct RecurrentWeights;

// x      : [T, D]   N stands for the number of directions, 1 or 2
// return : return_sequences gives [T, N U]. Otherwise [B, N U]: the top level's state after the last
//          step, forward's (at each sequence's own last token) before backward's (at its first)
// Mask   : mixes with return_sequences, otherwise reduces
// Edge   : an empty sequence ends in its initial state, which is zeros where none is given. With
//          go_backwards the outputs come in the order of the steps, as in Keras, the last token's
//          first; Keras then leaves its mask unturned, here they stand on real tokens.
// Throws : OptionError, settings that make no sense; ShapeError; DTypeError
// States : the inputs after x and, with return_state, the outputs after the first: level by level,
//          forward before backward, h before c, [B, U] each. The typed calls of LSTM, GRU and
//          SimpleRNN take and give PyTorch's form: [B, U] where there is one, and all of them as
//          [layers N, B, U] where there are several.
// Weights: weight [N G U, inputs] (glorot_uniform), recurrent_weight [G U, U] or [2, G U, U]
//          (orthogonal), bias [N G U] (zeros, an LSTM's forget gates 1) for G gates; the second
//          level's are weight_2, ...
class Recurrent : public Layer {
 public:
  using Config = RecurrentConfig;

  const Config& config() const noexcept { return config_; }
  MaskRule mask_rule() const noexcept override {
    return config_.return_sequences ? MaskRule::mixes : MaskRule::reduces;
  }

  // The first output; apply gives all, and takes initial states.
  Symbol operator()(const Symbol& x) const { return apply(std::span(&x, 1)).front(); }

  using Layer::load;
  // Takes what torch.nn.LSTM, GRU or RNN of these settings has: `prefix`.weight_ih_l0, ...
  // The layer need not be built. An LSTM's or RNN's two biases become one, their sum.
  // Throws WeightError: one is missing, misshapen, or a bias without use_bias; OptionError, a GRU
  // whose reset acts before the product, which PyTorch does not have
  void load_pytorch(const WeightSource& source, std::string_view prefix = "") const;
  // Takes what the Keras layer of the name `prefix` has: `prefix`/lstm_cell/kernel, ...; of a
  // bidirectional one, `prefix`/forward_lstm/lstm_cell/kernel, ...; whatever the cell is called.
  // Throws WeightError, as above; OptionError, several levels, which are several layers in Keras
  void load_keras(const WeightSource& source, std::string_view prefix = "") const;

  // A layer of these settings, in both directions, with weights of its own.
  virtual std::shared_ptr<const Recurrent> make_bidirectional() const = 0;
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  Recurrent(std::string kind, const Config& config);

  virtual RecurrentCell cell() const noexcept = 0;

  // c is Tensor() for cells without it, and both where none are given.
  struct States {
    Tensor h = {}, c = {};
  };
  struct Steps {
    RaggedTensor output;
    States last;
  };
  // One level of it; see nopad/ops/recurrent.h.
  virtual Steps walk(const RaggedTensor& gates, const Tensor& recurrent_weight,
                     const Tensor& recurrent_bias, const States& first,
                     ops::Direction direction) const = 0;

  // All levels. Builds the weights if there are none.
  Steps run(const RaggedTensor& x, const States& first) const;

  void make_weights(std::span<const Spec> inputs) const override;
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  struct Level {
    Parameter weight, recurrent_weight, bias, recurrent_bias;
    std::optional<Dropout> dropout;  // of its input
  };
  void add_levels();
  void expect_config() const;
  void expect_state(std::string_view name, const Tensor& state, int64_t num_sequences) const;
  void assign(const Level& level, const RecurrentWeights& weights) const;
  Tensor state_of_level(const Tensor& states, int64_t level) const;
  Tensor all_levels(const std::vector<Tensor>& states) const;
  States initial_states(std::span<const Value> inputs) const;
  Tensor final_output(const Tensor& h) const;

  int64_t num_directions() const noexcept { return config_.bidirectional ? 2 : 1; }
  int64_t num_states() const noexcept { return config_.layers * num_directions(); }

  Config config_;
  std::vector<Level> levels_;
};

}  // namespace nopad::nn
