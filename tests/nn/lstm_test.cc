#include "nopad/nn/lstm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recurrent_inputs.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using test::random_tokens;

TEST(LSTM, FollowsItsFormula) {
  const LSTM layer({.units = 1});
  test::build(layer, Spec::ragged({1}));
  for (const auto& [name, parameter] : layer.parameters()) {
    parameter.assign(Tensor::zeros(parameter->shape()));
  }
  test::set(layer, "bias", {0, 0, 1, 0});  // i, f, g, o
  const auto [output, h, c] = layer(random_tokens({2, 0}, 1));
  const double g = std::tanh(1.0), c1 = 0.5 * g, c2 = 0.5 * c1 + 0.5 * g;
  test::expect_close(output.values().values<float>(),
                     std::vector{0.5 * std::tanh(c1), 0.5 * std::tanh(c2)}, test::kF32);
  test::expect_close(h.values<float>(), std::vector{0.5 * std::tanh(c2), 0.0}, test::kF32);
  test::expect_close(c.values<float>(), std::vector{c2, 0.0}, test::kF32);
}

TEST(LSTM, WeightsBeginAsInKeras) {
  const LSTM layer({.units = 2});
  test::build(layer, Spec::ragged({3}));
  EXPECT_EQ(test::parameter_of(layer, "weight")->shape(), (Shape{8, 3}));
  EXPECT_EQ(test::parameter_of(layer, "recurrent_weight")->shape(), (Shape{8, 2}));
  test::expect_close(test::parameter_of(layer, "bias")->values<float>(),
                     std::vector<float>{0, 0, 1, 1, 0, 0, 0, 0}, test::kExact);
  EXPECT_EQ(layer.num_trained(), 8 * (3 + 2 + 1));
}

TEST(LSTM, WithoutABiasItHasNone) {
  const LSTM layer({.units = 2, .layers = 2, .use_bias = false});
  test::build(layer, Spec::ragged({3}));
  std::vector<std::string> names;
  for (const auto& [name, unused] : layer.parameters()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"weight", "recurrent_weight", "weight_2",
                                             "recurrent_weight_2"}));
}

TEST(LSTM, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  const LSTM layer({.units = 9, .layers = 2, .bidirectional = true});
  const RaggedTensor x = random_tokens({4, 0, 1, 17, 2, 8}, 5);
  test::expect_batch_equals_alone([&](const RaggedTensor& part) { return layer(part).output; }, x);
  const LSTM last({.units = 9});
  test::expect_batch_equals_alone([&](const RaggedTensor& part) { return last(part).h; }, x);
}

TEST(LSTM, GradientsAreThoseOfCentralDifferences) {
  const LSTM layer({.units = 2, .return_sequences = true, .return_state = true});
  test::Random random(8);
  test::expect_layer_gradients(
      layer, {random_tokens({3, 0, 1, 2}, 2), random.tensor({4, 2}), random.tensor({4, 2})});
}

TEST(LSTM, GradientsOfLevelsInBothDirections) {
  const LSTM layer({.units = 2, .layers = 2, .bidirectional = true, .return_state = true});
  test::expect_layer_gradients(layer, {random_tokens({3, 0, 2}, 2)});
}

TEST(LSTM, AnEmptySequenceGivesZerosAndTakesNoGradient) {
  const LSTM layer({.units = 2});
  RaggedTensor x = random_tokens({0, 0}, 3);
  Tensor values = x.values();
  autograd::require_grad(values);
  const auto [output, h, c] = layer(x.with_values(values));
  test::expect_same_bits(h, Tensor::zeros({2, 2}));
  const auto gradients = autograd::backward(h, Tensor::zeros({2, 2}));
  for (const auto& [name, parameter] : layer.parameters()) {
    SCOPED_TRACE(name);
    test::expect_same_bits(gradients.of(*parameter), Tensor::zeros(parameter->shape()));
  }
}

TEST(LSTM, DropoutBetweenLevelsActsInTrainingOnly) {
  const autograd::NoGradScope no_grad;
  const LSTM layer({.units = 4, .layers = 2, .dropout = 0.5});
  const RaggedTensor x = random_tokens({6, 3}, 2);
  const Tensor h = layer(x).h;
  test::expect_same_bits(layer(x).h, h);
  layer.train();
  const Tensor trained = layer(x).h;
  test::expect_same_bits(trained.rows(0, 1), h.rows(0, 1));  // below the dropout
  EXPECT_NE(trained.values<float>().back(), h.values<float>().back());
  layer.eval();
  test::expect_same_bits(layer(x).h, h);
}

TEST(LSTM, BuildsInModels) {
  const Sequential model{LSTM({.units = 4, .return_sequences = true}), LSTM({.units = 3})};
  model.build(Spec::ragged({5}));
  EXPECT_EQ(model(random_tokens({2, 0, 3}, 5)).dense().shape(), (Shape{3, 3}));
  EXPECT_EQ(to_string(model.summary()),
            "layer          output      trained  mask          from\n"
            "input          [T, 5] f32  0\n"
            "lstm (LSTM)    [T, 4] f32  160      used, passed  input\n"
            "lstm_2 (LSTM)  [B, 3] f32  96       used, ends    lstm\n"
            "trained: 256, fixed: 0\n");
}

TEST(LSTM, AnEncodersStatesBeginItsDecoder) {
  const Symbol source = input("source", Spec::ragged({2})),
               target = input("target", Spec::ragged({2}));
  const std::vector<Symbol> encoded =
      LSTM({.units = 3, .return_state = true}).apply(std::span(&source, 1));
  const LSTM decoder({.units = 3, .return_sequences = true});
  const Model model({target, source}, decoder.apply(std::vector{target, encoded[1], encoded[2]}));
  const std::vector<Value> out =
      model(std::vector<Value>{random_tokens({1, 2}, 2), random_tokens({3, 0}, 2)});
  EXPECT_EQ(out[0].ragged().values().shape(), (Shape{3, 3}));
}

TEST(LSTM, TwoReductionsInARowDoNotBuild) {
  test::expect_error<LayoutError>(
      [] { Sequential(LSTM({.units = 2}), LSTM({.units = 2})); },
      "Sequential: LSTM: its rule is reduces, so it needs tokens and their layout, and gets the "
      "dense result of LSTM");
}

TEST(LSTM, ADenseInputIsRefused) {
  const Value x = Tensor::zeros({2, 3});
  test::expect_error<LayoutError>(
      [&] { LSTM({.units = 2}).apply(std::span(&x, 1)); },
      "LSTM: input: expected tokens and their layout, got the dense [2, 3]; take its padding out "
      "first: Embedding, Masking or from_padded");
}

}  // namespace
}  // namespace nopad::nn
