// Recurrent layers as Keras and PyTorch compute them, and what they load.
#include "nopad/nn/recurrent.h"

#include <gtest/gtest.h>

#include <map>

#include "expect_error.h"
#include "nn/recorded_layer.h"
#include "nn/recurrent_inputs.h"
#include "nopad/nn/bidirectional.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/masking.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/simple_rnn.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

using ops::GruReset;
using test::RecordedCase;

// The typed call, between tensors of the shapes that PyTorch has: its one state is [1, B, U].
template <class L>
std::vector<Value> call_as_pytorch(const L& layer, std::span<const Value> inputs) {
  const auto& config = layer.config();
  const int64_t num_states = config.layers * (config.bidirectional ? 2 : 1);
  const RaggedTensor& x = inputs[0].ragged();
  const int64_t b = x.layout().num_sequences();
  const auto given = [&](size_t i) {
    if (i >= inputs.size()) return Tensor();
    return num_states == 1 ? ops::squeeze(inputs[i].dense(), 0) : inputs[i].dense();
  };
  const auto as_pytorch = [&](const Tensor& state) -> Value {
    return ops::reshape(state, {num_states, b, config.units});
  };
  if constexpr (std::is_same_v<L, LSTM>) {
    const auto [output, h, c] = layer(x, given(1), given(2));
    return {output, as_pytorch(h), as_pytorch(c)};
  } else {
    const auto [output, h] = layer(x, given(1));
    return {output, as_pytorch(h)};
  }
}

template <class L>
void expect_as_pytorch(const std::string& name, const L& layer, const L& gradient_layer) {
  SCOPED_TRACE(name);
  const RecordedCase recorded("layers/torch_recurrent", name);
  test::RecordedCall call{.outputs = {"output", "h_n"}};
  if (recorded.contains("h_0")) call.inputs.push_back("h_0");
  if constexpr (std::is_same_v<L, LSTM>) {
    call.outputs.push_back("c_n");
    if (recorded.contains("c_0")) call.inputs.push_back("c_0");
  }
  call.call = [&](std::span<const Value> inputs) { return call_as_pytorch(layer, inputs); };
  const auto load = [&](const L& to, const WeightSource& source) {
    to.load_pytorch(source);
    if (std::is_same_v<L, GRU> || !to.is_same(gradient_layer)) return;
    // Both of PyTorch's biases have the gradient of our one.
    for (const auto& [its_name, parameter] : to.parameters()) {
      if (its_name.starts_with("bias")) parameter.assign(ops::multiply(*parameter, 0.5));
    }
  };
  test::expect_as_recorded(layer, gradient_layer, recorded, call, load);
}

template <class L, class... Extra>
void expect_as_pytorch(const std::string& name, const RecurrentConfig& config, Extra... extra) {
  expect_as_pytorch(name, L(config, extra...), L(config, extra...));
}

TEST(Recurrent, LstmsAreAsInPyTorch) {
  expect_as_pytorch<LSTM>("lstm", {.units = 3});
  expect_as_pytorch<LSTM>("lstm_initial_state", {.units = 3});
  expect_as_pytorch<LSTM>("lstm_no_bias", {.units = 3, .use_bias = false});
  expect_as_pytorch<LSTM>("lstm_two_layers", {.units = 3, .layers = 2, .bidirectional = true});
}

TEST(Recurrent, GrusAreAsInPyTorch) {
  expect_as_pytorch<GRU>("gru", {.units = 3});
  expect_as_pytorch<GRU>("gru_two_layers", {.units = 3, .layers = 2, .bidirectional = true});
}

TEST(Recurrent, SimpleRnnsAreAsInPyTorch) {
  expect_as_pytorch<SimpleRNN>("rnn_tanh", {.units = 3});
  expect_as_pytorch<SimpleRNN>("rnn_relu", {.units = 3}, Activation::relu);
  expect_as_pytorch<SimpleRNN>("rnn_two_layers", {.units = 3, .layers = 2, .bidirectional = true});
}

// prefix : the layer's name in Keras
template <class L>
void expect_as_keras(const std::string& name, const std::string& prefix, const L& layer,
                     const L& gradient_layer, const test::RecordedCall& call = {}) {
  SCOPED_TRACE(name);
  const auto load = [&](const L& to, const WeightSource& source) { to.load_keras(source, prefix); };
  test::expect_as_recorded(layer, gradient_layer, RecordedCase("layers/keras_recurrent", name),
                           call, load);
}

// A case and the one with an initial state, left padding and holes.
template <class L, class... Extra>
void expect_both_as_keras(const std::string& name, const std::string& prefix, bool use_bias,
                          Extra... extra) {
  const RecurrentConfig config{
      .units = 3, .return_sequences = true, .return_state = true, .use_bias = use_bias};
  test::RecordedCall call{.outputs = {"output", "h_n"}};
  if (std::is_same_v<L, LSTM>) call.outputs.push_back("c_n");
  expect_as_keras(name, prefix, L(config, extra...), L(config, extra...), call);
  call.inputs.push_back("h_0");
  if (std::is_same_v<L, LSTM>) call.inputs.push_back("c_0");
  expect_as_keras(name + "_initial_state_holes", prefix, L(config, extra...), L(config, extra...),
                  call);
}

TEST(Recurrent, LstmsAreAsInKeras) {
  expect_both_as_keras<LSTM>("lstm", "lstm", true);
  expect_both_as_keras<LSTM>("lstm_no_bias", "lstm", false);
  const LSTM last({.units = 3}), gradient({.units = 3});
  expect_as_keras("lstm_last", "lstm", last, gradient);
}

TEST(Recurrent, GrusAreAsInKeras) {
  expect_both_as_keras<GRU>("gru", "gru", true);
  expect_both_as_keras<GRU>("gru_reset_before", "gru", true, GruReset::before);
}

TEST(Recurrent, SimpleRnnsAreAsInKeras) {
  expect_both_as_keras<SimpleRNN>("simple_rnn", "simple_rnn", true);
  expect_both_as_keras<SimpleRNN>("simple_rnn_relu", "simple_rnn", true, Activation::relu);
}

TEST(Recurrent, GoingBackwardsIsAsInKeras) {
  const RecurrentConfig last{.units = 3, .go_backwards = true, .return_state = true};
  expect_as_keras("lstm_backwards_last", "lstm", LSTM(last), LSTM(last),
                  {.outputs = {"output", "h_n", "c_n"}});
  const RecurrentConfig all{.units = 3, .go_backwards = true, .return_sequences = true};
  expect_as_keras("lstm_backwards_sequences", "lstm", LSTM(all), LSTM(all));
}

TEST(Recurrent, BidirectionalIsAsInKeras) {
  using enum BidirectionalMerge;
  const std::map<std::string, BidirectionalMerge> merges = {
      {"concat", concat}, {"sum", sum}, {"mul", mul}, {"ave", ave}};
  for (const auto& [name, merge] : merges) {
    for (const bool sequences : {false, true}) {
      const LSTM lstm({.units = 3, .return_sequences = sequences});
      expect_as_keras(nopad::concat("bidirectional_", name, sequences ? "_sequences" : "_last"),
                      "bidirectional", Bidirectional(lstm, merge), Bidirectional(lstm, merge));
    }
  }
}

TEST(Recurrent, BidirectionalStatesAreAsInKeras) {
  const GRU gru({.units = 3, .return_sequences = true, .return_state = true});
  expect_as_keras("bidirectional_gru", "bidirectional", Bidirectional(gru), Bidirectional(gru),
                  {.inputs = {"input", "forward_h_0", "backward_h_0"},
                   .outputs = {"output", "forward_h_n", "backward_h_n"}});
}

TEST(Recurrent, LayersOneAfterAnotherAreAsInKeras) {
  const LSTM first({.units = 3, .return_sequences = true}), second({.units = 4});
  const LSTM d_first({.units = 3, .return_sequences = true}), d_second({.units = 4});
  const Sequential model{first, second}, gradient{d_first, d_second};
  const auto load = [&](const Sequential& to, const WeightSource& source) {
    (to.is_same(model) ? first : d_first).load_keras(source, "first");
    (to.is_same(model) ? second : d_second).load_keras(source, "second");
  };
  test::expect_as_recorded(model, gradient, RecordedCase("layers/keras_recurrent", "lstm_stacked"),
                           {}, load);
}

TEST(Recurrent, OwnNamesLoadWhatTheyHold) {
  const RecurrentConfig config{.units = 3, .layers = 2, .bidirectional = true};
  const GRU layer(config), copy(config);
  layer.load_pytorch(RecordedCase("layers/torch_recurrent", "gru_two_layers").weights());
  test::build(copy, Spec::ragged({5}));
  const auto from = layer.parameters(), to = copy.parameters();
  ASSERT_EQ(from.size(), to.size());
  ASSERT_EQ(from.size(), 8u);
  for (size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(from[i].name, to[i].name);
    EXPECT_EQ(from[i].parameter->shape(), to[i].parameter->shape());
  }
}

TEST(Recurrent, WeightsForOtherInputsAreRefused) {
  const LSTM layer({.units = 3});
  layer.load_pytorch(RecordedCase("layers/torch_recurrent", "lstm").weights());
  test::expect_error<WeightError>([&] { layer(test::random_tokens({2}, 4)); },
                                  "weight: expected [12, 4] for this input, got [12, 5]");
}

TEST(Recurrent, WeightsOfOtherSettingsAreRefused) {
  const RecordedCase torch("layers/torch_recurrent", "lstm");
  const RecordedCase keras("layers/keras_recurrent", "gru");
  const std::string torch_file = torch.weights().description();
  const std::string keras_file = keras.weights().description();
  test::expect_error<WeightError>(
      [&] { LSTM({.units = 3, .use_bias = false}).load_pytorch(torch.weights()); },
      torch_file + ": bias_ih_l0: expected none, since use_bias is false");
  test::expect_error<WeightError>([&] { LSTM({.units = 4}).load_keras(keras.weights(), "lstm"); },
                                  keras_file + ": lstm/*/kernel: expected one weight, got 0");
  test::expect_error<OptionError>(
      [&] { LSTM({.units = 3, .layers = 2}).load_keras(keras.weights(), "gru"); },
      "LSTM: load_keras: expected one level, as a layer of Keras has, got 2");
  test::expect_error<OptionError>(
      [&] { GRU({.units = 3}, GruReset::before).load_pytorch(torch.weights()); },
      "GRU: load_pytorch: expected a reset after the product, as PyTorch has it, got one before");
}

}  // namespace
}  // namespace nopad::nn
