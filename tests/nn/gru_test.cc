#include "nopad/nn/gru.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.h"
#include "nn/copied_settings.h"
#include "nn/layer_gradients.h"
#include "nn/recurrent_inputs.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using ops::GruReset;
using test::random_tokens;

GRU of_zeros(GruReset reset) {
  const GRU layer({.units = 1}, reset);
  test::build(layer, Spec::ragged({1}));
  for (const auto& [name, parameter] : layer.parameters()) {
    parameter.assign(Tensor::zeros(parameter->shape()));
  }
  return layer;
}

// The reset gate is 1/2; it halves the recurrent bias too, where that stands inside.
TEST(GRU, TheResetActsAfterTheProduct) {
  const GRU layer = of_zeros(GruReset::after);
  test::set(layer, "bias", {0, 0, 1});  // r, z, n
  test::set(layer, "recurrent_bias", {0, 0, 4});
  const auto [output, h] = layer(random_tokens({2, 0}, 1));
  const double n = std::tanh(1 + 0.5 * 4), h1 = 0.5 * n, h2 = 0.5 * (n + h1);
  test::expect_close(output.values().values<float>(), std::vector{h1, h2}, test::kF32);
  test::expect_close(h.values<float>(), std::vector{h2, 0.0}, test::kF32);
}

TEST(GRU, TheResetActsBeforeTheProduct) {
  const GRU layer = of_zeros(GruReset::before);
  test::set(layer, "bias", {0, 0, 1});
  test::set(layer, "recurrent_weight", {0, 0, 2});
  const auto [output, h] = layer(random_tokens({2, 0}, 1));
  const double h1 = 0.5 * std::tanh(1.0), h2 = 0.5 * (std::tanh(1 + 2 * 0.5 * h1) + h1);
  test::expect_close(output.values().values<float>(), std::vector{h1, h2}, test::kF32);
  EXPECT_EQ(layer.parameters().size(), 3u);  // no recurrent bias
}

TEST(GRU, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  for (const GruReset reset : {GruReset::after, GruReset::before}) {
    const GRU layer({.units = 5, .bidirectional = true}, reset);
    const RaggedTensor x = random_tokens({4, 0, 1, 9, 2}, 3);
    test::expect_batch_equals_alone([&](const RaggedTensor& part) { return layer(part).output; },
                                    x);
  }
}

TEST(GRU, GradientsAreThoseOfCentralDifferences) {
  for (const GruReset reset : {GruReset::after, GruReset::before}) {
    const GRU layer({.units = 2, .layers = 2, .return_sequences = true, .return_state = true},
                    reset);
    test::Random random(8);
    test::expect_layer_gradients(
        layer, {random_tokens({3, 0, 1}, 2), random.tensor({3, 2}), random.tensor({3, 2})});
    const GRU both({.units = 2, .bidirectional = true, .return_sequences = true}, reset);
    test::expect_layer_gradients(both, {random_tokens({3, 0, 1}, 2)});
  }
}

TEST(GRU, ItsSettingsCanBeCopied) {
  const GRU copy = test::with_settings_of(GRU({.units = 3,
                                               .layers = 2,
                                               .bidirectional = true,
                                               .return_sequences = true,
                                               .return_state = true,
                                               .use_bias = false,
                                               .dropout = 0.25},
                                              GruReset::before));
  EXPECT_EQ(copy.reset(), GruReset::before);
  EXPECT_EQ(copy.config().dropout, 0.25);
  EXPECT_TRUE(copy.config().return_sequences && copy.config().return_state);
  EXPECT_FALSE(test::with_settings_of(copy).config().go_backwards);
  const auto [output, h] = copy(random_tokens({2, 1}, 4));
  EXPECT_EQ(output.values().shape(), (Shape{3, 6}));
  EXPECT_EQ(h.shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(copy.parameters().size(), 4u);  // two levels, no bias
}

TEST(GRU, BuildsInModels) {
  const Sequential model{GRU({.units = 4, .return_sequences = true}), GRU({.units = 3})};
  model.build(Spec::ragged({5}));
  EXPECT_EQ(model(random_tokens({2, 0, 3}, 5)).dense().shape(), (Shape{3, 3}));
}

}  // namespace
}  // namespace nopad::nn
