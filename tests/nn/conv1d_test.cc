#include "nopad/nn/conv1d.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/copied_settings.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nn/recurrent_inputs.h"
#include "nopad/core/error.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using test::random_tokens;
using test::RecordedCase;

Conv1D::Config with_kernel_of_two(WindowPadding padding) {
  return {.filters = 1, .kernel_size = 2, .padding = padding};
}

// The sum of two neighbours.
RaggedTensor sums(const Conv1D& layer) {
  test::build(layer, Spec::ragged({1}));
  test::set(layer, "weight", {1, 1});
  return layer({Tensor::from_values<float>(std::vector<float>{1, 2, 4, 8, 16}, {5, 1}),
                RaggedLayout::from_lengths(std::vector<int64_t>{3, 0, 1, 1})});
}

TEST(Conv1D, SlidesOverEachSequenceAlone) {
  const RaggedTensor valid = sums(Conv1D(with_kernel_of_two(WindowPadding::valid())));
  test::expect_close(valid.values().values<float>(), std::vector<float>{3, 6}, test::kExact);
  EXPECT_EQ(valid.layout().num_sequences(), 4);
  const RaggedTensor causal = sums(Conv1D(with_kernel_of_two(WindowPadding::causal())));
  test::expect_close(causal.values().values<float>(), std::vector<float>{1, 3, 6, 8, 16},
                     test::kExact);
  const RaggedTensor sides = sums(Conv1D(with_kernel_of_two(WindowPadding::sides(1, 1))));
  test::expect_close(sides.values().values<float>(), std::vector<float>{1, 3, 6, 4, 8, 8, 16, 16},
                     test::kExact);
}

void expect_recorded(const std::string& file, const std::string& name,
                     const Conv1D::Config& config) {
  SCOPED_TRACE(name);
  const bool is_keras = file == "keras";
  const auto load = [&](const Conv1D& layer, const WeightSource& source) {
    if (is_keras) return layer.load_keras(source, "conv1d");
    layer.load_pytorch(source);
  };
  test::expect_as_recorded(Conv1D(config), Conv1D(config),
                           RecordedCase("layers/" + file + "_conv", name),
                           {.output_keep = "output_keep"}, load);
}

TEST(Conv1D, IsAsInKeras) {
  using W = WindowPadding;
  expect_recorded("keras", "conv1d_valid", {.filters = 3, .kernel_size = 3});
  expect_recorded("keras", "conv1d_same", {.filters = 3, .kernel_size = 3, .padding = W::same()});
  expect_recorded("keras", "conv1d_causal",
                  {.filters = 3, .kernel_size = 3, .padding = W::causal()});
  expect_recorded("keras", "conv1d_same_strides",
                  {.filters = 3, .kernel_size = 4, .strides = 2, .padding = W::same()});
  expect_recorded("keras", "conv1d_valid_strides", {.filters = 3, .kernel_size = 4, .strides = 2});
  expect_recorded("keras", "conv1d_causal_dilation",
                  {.filters = 3,
                   .kernel_size = 3,
                   .padding = W::causal(),
                   .dilation = 2,
                   .activation = Activation::relu});
  expect_recorded(
      "keras", "conv1d_groups",
      {.filters = 6, .kernel_size = 3, .padding = W::same(), .groups = 2, .use_bias = false});
}

TEST(Conv1D, IsAsInPyTorch) {
  using W = WindowPadding;
  expect_recorded("torch", "conv1d", {.filters = 3, .kernel_size = 3});
  expect_recorded("torch", "conv1d_padding",
                  {.filters = 3, .kernel_size = 3, .padding = W::sides(2, 2)});
  expect_recorded("torch", "conv1d_same", {.filters = 3, .kernel_size = 4, .padding = W::same()});
  expect_recorded("torch", "conv1d_stride",
                  {.filters = 3, .kernel_size = 3, .strides = 2, .padding = W::sides(1, 1)});
  expect_recorded("torch", "conv1d_dilation",
                  {.filters = 3, .kernel_size = 2, .padding = W::sides(2, 2), .dilation = 3});
  expect_recorded(
      "torch", "conv1d_groups",
      {.filters = 6, .kernel_size = 3, .padding = W::sides(1, 1), .groups = 2, .use_bias = false});
  expect_recorded(
      "torch", "conv1d_depthwise",
      {.filters = 4, .kernel_size = 2, .strides = 3, .padding = W::sides(1, 1), .groups = 4});
}

TEST(Conv1D, ASequenceDoesNotFeelItsNeighbours) {
  const autograd::NoGradScope no_grad;
  const Conv1D layer(
      {.filters = 5, .kernel_size = 3, .strides = 2, .padding = WindowPadding::same()});
  test::expect_batch_equals_alone(layer, random_tokens({4, 0, 1, 9, 2}, 3));
}

TEST(Conv1D, GradientsAreThoseOfCentralDifferences) {
  const Conv1D layer({.filters = 4,
                      .kernel_size = 3,
                      .padding = WindowPadding::causal(),
                      .groups = 2,
                      .activation = Activation::tanh});
  test::expect_layer_gradients(layer, {random_tokens({3, 0, 1}, 2)});
}

TEST(Conv1D, BuildsInModelsAndKeepsALayoutOfTheSameLengths) {
  const Symbol x = input("x", Spec::ragged({3}));
  const Symbol same = Conv1D({.filters = 2, .kernel_size = 3, .padding = WindowPadding::same()})(x);
  EXPECT_EQ(same.spec().layout, x.spec().layout);
  const Symbol valid = Conv1D({.filters = 2, .kernel_size = 3})(x);
  EXPECT_NE(valid.spec().layout, x.spec().layout);
  const Sequential model{Conv1D({.filters = 4, .kernel_size = 3}), MaxPooling1D(),
                         GlobalAveragePooling1D()};
  model.build(Spec::ragged({3}));
  EXPECT_EQ(model(random_tokens({2, 0, 5}, 3)).dense().shape(), (Shape{3, 4}));
}

TEST(Conv1D, ItsSettingsCanBeCopied) {
  const Conv1D copy = test::with_settings_of(Conv1D({.filters = 4,
                                                     .kernel_size = 3,
                                                     .strides = 2,
                                                     .padding = WindowPadding::sides(1, 2),
                                                     .dilation = 5,
                                                     .groups = 2,
                                                     .use_bias = false,
                                                     .activation = Activation::relu}));
  const Conv1D::Config& config = copy.config();
  EXPECT_EQ(config.filters + config.kernel_size + config.strides, 4 + 3 + 2);
  EXPECT_EQ(config.padding.kind, WindowPadding::Kind::sides);
  EXPECT_EQ(config.padding.left * 10 + config.padding.right, 12);
  EXPECT_EQ(config.dilation * 10 + config.groups, 52);
  EXPECT_FALSE(config.use_bias);
  EXPECT_EQ(config.activation, Activation::relu);
}

TEST(Conv1D, WhatDoesNotFitIsNamed) {
  const RaggedTensor x = random_tokens({2}, 3);
  test::expect_error<OptionError>([&] { Conv1D()(x); },
                                  "Conv1D: filters: expected 1 or more, got 0");
  test::expect_error<OptionError>([&] { Conv1D({.filters = 3, .kernel_size = 1, .groups = 2})(x); },
                                  "Conv1D: groups: expected to divide 3 filters, got 2");
  test::expect_error<ShapeError>([&] { Conv1D({.filters = 2, .kernel_size = 1, .groups = 2})(x); },
                                 "Conv1D: input: expected channels that 2 groups divide, got 3");
  const RecordedCase recorded("layers/torch_conv", "conv1d");
  test::expect_error<WeightError>(
      [&] {
        Conv1D({.filters = 3, .kernel_size = 3, .use_bias = false})
            .load_pytorch(recorded.weights());
      },
      recorded.weights().description() + ": bias: expected none, since use_bias is false");
}

}  // namespace
}  // namespace nopad::nn
