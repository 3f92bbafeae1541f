#include "nopad/nn/simple_rnn.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/copied_settings.h"
#include "nn/layer_gradients.h"
#include "nn/recurrent_inputs.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using test::random_tokens;

RaggedTensor counted(std::vector<int64_t> lengths) {
  std::vector<float> values;
  for (const int64_t length : lengths) {
    for (int64_t i = 1; i <= length; ++i) values.push_back(static_cast<float>(i));
  }
  return {Tensor::from_values<float>(values, {std::ssize(values), 1}),
          RaggedLayout::from_lengths(lengths)};
}

// relu(x + h): the sum of what has come.
SimpleRNN summing(RecurrentConfig config) {
  config.units = 1;
  SimpleRNN layer(config, Activation::relu);
  test::build(layer, Spec::ragged({1}));
  for (const auto& [name, parameter] : layer.parameters()) {
    const bool is_bias = name.starts_with("bias");
    const std::vector<float> values(static_cast<size_t>(parameter->num_elements()),
                                    is_bias ? 0.0f : 1.0f);
    parameter.assign(Tensor::from_values<float>(values, parameter->shape()));
  }
  return layer;
}

TEST(SimpleRNN, AddsUpAlongEachSequence) {
  const auto [output, h] = summing({})(counted({3, 0, 2}));
  test::expect_close(output.values().values<float>(), std::vector<float>{1, 3, 6, 1, 3},
                     test::kExact);
  test::expect_close(h.values<float>(), std::vector<float>{6, 0, 3}, test::kExact);
}

TEST(SimpleRNN, AnEmptySequenceEndsInItsInitialState) {
  const Tensor h0 = Tensor::from_values<float>(std::vector<float>{10, 20, 30}, {3, 1});
  const auto [output, h] = summing({})(counted({1, 0, 2}), h0);
  test::expect_close(output.values().values<float>(), std::vector<float>{11, 31, 33}, test::kExact);
  test::expect_close(h.values<float>(), std::vector<float>{11, 20, 33}, test::kExact);
}

TEST(SimpleRNN, GoingBackwardsGivesOutputsInTheOrderOfItsSteps) {
  const auto [output, h] = summing({.go_backwards = true})(counted({3, 0, 2}));
  test::expect_close(output.values().values<float>(), std::vector<float>{3, 5, 6, 2, 3},
                     test::kExact);
  test::expect_close(h.values<float>(), std::vector<float>{6, 0, 3}, test::kExact);
}

TEST(SimpleRNN, LevelsRunOverTheOneBelow) {
  const auto [output, h] = summing({.layers = 2})(counted({3, 0, 2}));
  test::expect_close(output.values().values<float>(), std::vector<float>{1, 4, 10, 1, 4},
                     test::kExact);
  EXPECT_EQ(h.shape(), (Shape{2, 3, 1}));
  test::expect_close(h.values<float>(), std::vector<float>{6, 0, 3, 10, 0, 4}, test::kExact);
}

TEST(SimpleRNN, BothDirectionsStandSideBySide) {
  const auto [output, h] = summing({.bidirectional = true})(counted({3, 0, 2}));
  test::expect_close(output.values().values<float>(),
                     std::vector<float>{1, 6, 3, 5, 6, 3, 1, 3, 3, 2}, test::kExact);
  test::expect_close(h.values<float>(), std::vector<float>{6, 0, 3, 6, 0, 3}, test::kExact);
}

TEST(SimpleRNN, LevelsGoBackwardsTogether) {
  const auto [output, h] = summing({.layers = 2, .go_backwards = true})(counted({2}));
  test::expect_close(output.values().values<float>(), std::vector<float>{2, 5}, test::kExact);
  test::expect_close(h.values<float>(), std::vector<float>{3, 5}, test::kExact);
}

std::vector<Value> apply(const SimpleRNN& layer, const RaggedTensor& x) {
  const Value value = x;
  return layer.apply(std::span(&value, 1));
}

TEST(SimpleRNN, InAModelItGivesWhatItsSettingsSay) {
  const RaggedTensor x = counted({3, 0, 2});
  const std::vector<Value> last = apply(summing({}), x);
  ASSERT_EQ(last.size(), 1u);
  test::expect_close(last[0].dense().values<float>(), std::vector<float>{6, 0, 3}, test::kExact);
  const std::vector<Value> all = apply(
      summing({.layers = 2, .bidirectional = true, .return_sequences = true, .return_state = true}),
      x);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].ragged().values().shape(), (Shape{5, 2}));
  // The first level adds up 6 and 3 in each direction; the second adds both.
  test::expect_close(all[1].dense().values<float>(), std::vector<float>{6, 0, 3}, test::kExact);
  test::expect_close(all[2].dense().values<float>(), std::vector<float>{6, 0, 3}, test::kExact);
  test::expect_close(all[3].dense().values<float>(), std::vector<float>{24, 0, 9}, test::kExact);
  test::expect_close(all[4].dense().values<float>(), std::vector<float>{24, 0, 9}, test::kExact);
  EXPECT_EQ(summing({}).mask_rule(), MaskRule::reduces);
  EXPECT_EQ(summing({.return_sequences = true}).mask_rule(), MaskRule::mixes);
}

TEST(SimpleRNN, InAModelInitialStatesFollowTheInput) {
  const SimpleRNN layer = summing({.layers = 2, .return_state = true});
  const Tensor ones = Tensor::from_values<float>(std::vector<float>{1, 1}, {2, 1});
  const std::vector<Value> inputs{counted({1, 0}), Tensor::zeros({2, 1}), ones};
  const std::vector<Value> out = layer.apply(inputs);
  test::expect_close(out[1].dense().values<float>(), std::vector<float>{1, 0}, test::kExact);
  test::expect_close(out[2].dense().values<float>(), std::vector<float>{2, 1}, test::kExact);
  test::expect_same_bits(out[0].dense(), out[2].dense());
}

TEST(SimpleRNN, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  for (const bool bidirectional : {false, true}) {
    const SimpleRNN layer({.units = 5, .layers = 2, .bidirectional = bidirectional});
    const RaggedTensor x = random_tokens({4, 0, 1, 7, 2}, 3);
    test::expect_batch_equals_alone([&](const RaggedTensor& part) { return layer(part).output; },
                                    x);
  }
}

TEST(SimpleRNN, GradientsAreThoseOfCentralDifferences) {
  for (const bool go_backwards : {false, true}) {
    const SimpleRNN layer({.units = 2,
                           .layers = 2,
                           .go_backwards = go_backwards,
                           .return_sequences = true,
                           .return_state = true});
    const std::vector<Value> inputs{random_tokens({3, 0, 2}, 2), test::Random(4).tensor({3, 2}),
                                    test::Random(5).tensor({3, 2})};
    test::expect_layer_gradients(layer, inputs);
  }
}

TEST(SimpleRNN, AnEmptyBatchHasNoOutputs) {
  const SimpleRNN layer({.units = 2});
  const auto [output, h] = layer(random_tokens({}, 3));
  EXPECT_EQ(output.values().shape(), (Shape{0, 2}));
  EXPECT_EQ(h.shape(), (Shape{0, 2}));
}

TEST(SimpleRNN, ItsSettingsCanBeCopied) {
  const SimpleRNN copy =
      test::with_settings_of(SimpleRNN({.units = 3, .go_backwards = true}, Activation::relu));
  EXPECT_EQ(copy.activation(), Activation::relu);
  EXPECT_EQ(copy.config().units, 3);
  EXPECT_TRUE(copy.config().go_backwards);
}

TEST(SimpleRNN, SettingsThatMakeNoSenseAreNamed) {
  const RaggedTensor x = counted({2});
  test::expect_error<OptionError>([&] { SimpleRNN()(x); },
                                  "SimpleRNN: units: expected 1 to 65536, got 0");
  test::expect_error<OptionError>([] { SimpleRNN({.units = 1, .layers = 0}); },
                                  "SimpleRNN: layers: expected 1 to 1000, got 0");
  test::expect_error<OptionError>(
      [&] { SimpleRNN({.units = 1, .bidirectional = true, .go_backwards = true})(x); },
      "SimpleRNN: go_backwards: expected false, since both directions run, got true");
}

TEST(SimpleRNN, AnActivationThatItDoesNotHaveIsNamed) {
  test::expect_error<OptionError>([&] { SimpleRNN({.units = 1}, Activation::gelu)(counted({2})); },
                                  "rnn_recurrence: activation: expected tanh or relu, got gelu");
}

TEST(SimpleRNN, InputsThatDoNotFitAreNamed) {
  const SimpleRNN layer = summing({.layers = 2});
  test::expect_error<ShapeError>(
      [&] {
        layer(counted({2, 1}), Tensor::zeros({2, 1}));
      },
      "SimpleRNN: h0: expected [2, 2, 1], got [2, 1]");
  test::expect_error<ShapeError>(
      [&] {
        layer(random_tokens({2}, 1).with_values(Tensor::zeros({2, 1, 1})));
      },
      "SimpleRNN: input: expected [T, D], got [2, 1, 1]");
  const std::vector<Value> one_state{counted({2, 1}), Tensor::zeros({2, 1})};
  test::expect_error<ShapeError>([&] { layer.apply(one_state); },
                                 "SimpleRNN: inputs: expected x, or x and 2 states, got 2");
}

}  // namespace
}  // namespace nopad::nn
