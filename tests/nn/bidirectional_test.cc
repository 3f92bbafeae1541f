#include "nopad/nn/bidirectional.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/copied_settings.h"
#include "nn/layer_gradients.h"
#include "nn/recurrent_inputs.h"
#include "nopad/core/error.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/simple_rnn.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using enum BidirectionalMerge;
using test::random_tokens;

// 1, 2, 3 summed from the left: 1, 3, 6; from the right: 6, 5, 3.
std::vector<Value> sums_of_123(BidirectionalMerge merge, bool sequences) {
  const Bidirectional layer(
      SimpleRNN({.units = 1, .return_sequences = sequences}, Activation::relu), merge);
  test::build(layer, Spec::ragged({1}));
  test::set(layer, "layer.weight", {1, 1});
  test::set(layer, "layer.recurrent_weight", {1, 1});
  const Value x = RaggedTensor(Tensor::from_values<float>(std::vector<float>{1, 2, 3}, {3, 1}),
                               RaggedLayout::from_lengths(std::vector<int64_t>{0, 3}));
  return layer.apply(std::span(&x, 1));
}

void expect_values(const Value& actual, std::vector<float> expected) {
  test::expect_close(actual.values().values<float>(), expected, test::kExact);
}

TEST(Bidirectional, OutputsAreMergedTokenByToken) {
  expect_values(sums_of_123(concat, true)[0], {1, 6, 3, 5, 6, 3});
  expect_values(sums_of_123(sum, true)[0], {7, 8, 9});
  expect_values(sums_of_123(mul, true)[0], {6, 15, 18});
  expect_values(sums_of_123(ave, true)[0], {3.5f, 4, 4.5f});
  const std::vector<Value> apart = sums_of_123(none, true);
  ASSERT_EQ(apart.size(), 2u);
  expect_values(apart[0], {1, 3, 6});
  expect_values(apart[1], {6, 5, 3});
  EXPECT_EQ(apart[1].ragged().layout().length(1), 3);
}

TEST(Bidirectional, FinalStatesAreThoseAtTheLastAndAtTheFirstToken) {
  expect_values(sums_of_123(concat, false)[0], {0, 0, 6, 6});
  expect_values(sums_of_123(mul, false)[0], {0, 36});
  const std::vector<Value> apart = sums_of_123(none, false);
  expect_values(apart[0], {0, 6});
  expect_values(apart[1], {0, 6});
}

TEST(Bidirectional, TakesTheSettingsAndMakesWeightsOfItsOwn) {
  const GRU gru({.units = 3, .return_sequences = true}, ops::GruReset::before);
  const Bidirectional layer(gru);
  EXPECT_TRUE(layer.layer().config().bidirectional);
  EXPECT_EQ(dynamic_cast<const GRU&>(layer.layer()).reset(), ops::GruReset::before);
  layer(random_tokens({2}, 2));
  EXPECT_FALSE(gru.is_built());
  EXPECT_EQ(test::parameter_of(layer, "layer.weight")->shape(), (Shape{18, 2}));
  EXPECT_EQ(layer.mask_rule(), MaskRule::mixes);
  EXPECT_EQ(Bidirectional(GRU({.units = 3})).mask_rule(), MaskRule::reduces);
}

TEST(Bidirectional, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  for (const BidirectionalMerge merge : {concat, sum, mul, ave}) {
    const Bidirectional layer(LSTM({.units = 5, .return_sequences = true}), merge);
    test::expect_batch_equals_alone([&](const RaggedTensor& x) { return layer(x).ragged(); },
                                    random_tokens({3, 0, 9, 1}, 4));
  }
}

TEST(Bidirectional, GradientsAreThoseOfCentralDifferences) {
  for (const BidirectionalMerge merge : {concat, sum, mul, ave, none}) {
    const Bidirectional layer(LSTM({.units = 2, .return_sequences = merge == mul}), merge);
    test::expect_layer_gradients(layer, {random_tokens({3, 0, 1}, 2)});
  }
}

TEST(Bidirectional, BuildsInModels) {
  const Sequential model{Bidirectional(GRU({.units = 4, .return_sequences = true}), sum),
                         Bidirectional(LSTM({.units = 3}))};
  model.build(Spec::ragged({5}));
  EXPECT_EQ(model(random_tokens({2, 0, 3}, 5)).dense().shape(), (Shape{3, 6}));
  const Symbol x = input("x", Spec::ragged({5}));
  const Bidirectional apart(LSTM({.units = 3, .return_sequences = true}), none);
  const std::vector<Symbol> outputs = apart.apply(std::span(&x, 1));
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[1].spec().layout, x.spec().layout);
}

TEST(Bidirectional, ItsSettingsCanBeCopied) {
  const Bidirectional layer(LSTM({.units = 3}), ave);
  const Bidirectional copy = test::with_settings_of(layer);
  EXPECT_EQ(copy.merge(), ave);
  EXPECT_EQ(copy.layer().config().units, 3);
  EXPECT_EQ(copy(random_tokens({2, 1}, 4)).dense().shape(), (Shape{2, 3}));
  ASSERT_EQ(copy.parameters().size(), 3u);
  EXPECT_EQ(copy.parameters()[0].name, "layer.weight");
}

TEST(Bidirectional, ASettingThatIsNoSuchLayerIsRefused) {
  test::KeptSettings settings;
  std::shared_ptr<const Layer> one_way = std::make_shared<LSTM>(RecurrentConfig{.units = 3});
  settings.field("layer", one_way);
  int merge = 0;
  settings.choice("merge", merge, std::span<const std::string_view>());
  settings.is_writing = true;
  test::expect_error<OptionError>(
      [&] { Bidirectional().visit_config(settings); },
      "Bidirectional: layer: expected a bidirectional LSTM, GRU or SimpleRNN, got LSTM");
}

TEST(Bidirectional, ALayerThatGoesBackwardsAlreadyIsRefused) {
  const Bidirectional layer(LSTM({.units = 3, .go_backwards = true}));
  test::expect_error<OptionError>(
      [&] { layer(random_tokens({2}, 2)); },
      "LSTM: go_backwards: expected false, since both directions run, got true");
  test::expect_error<OptionError>([] { Bidirectional()(random_tokens({2}, 2)); },
                                  "Bidirectional: layer: expected one, got none");
}

}  // namespace
}  // namespace nopad::nn
