#include "nopad/nn/pooling.h"

#include <gtest/gtest.h>

#include "nn/copied_settings.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nn/recurrent_inputs.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"

namespace nopad::nn {
namespace {

using ops::AverageOver;
using test::random_tokens;
using test::RecordedCase;
using W = WindowPadding;

RaggedTensor powers() {
  return {Tensor::from_values<float>(std::vector<float>{1, 2, 4, 8, 16}, {5, 1}),
          RaggedLayout::from_lengths(std::vector<int64_t>{3, 0, 2})};
}

void expect_values(const Tensor& actual, std::vector<float> expected) {
  test::expect_close(actual.values<float>(), expected, test::kExact);
}

TEST(Pooling, WindowsLieWithinASequence) {
  expect_values(MaxPooling1D()(powers()).values(), {2, 16});
  expect_values(AveragePooling1D()(powers()).values(), {1.5f, 12});
  const PoolingConfig same{.pool_size = 2, .strides = 1, .padding = W::same()};
  expect_values(MaxPooling1D(same)(powers()).values(), {2, 4, 4, 16, 16});
  expect_values(AveragePooling1D(same)(powers()).values(), {1.5f, 3, 4, 12, 16});
  expect_values(AveragePooling1D(same, AverageOver::window)(powers()).values(),
                {1.5f, 3, 2, 12, 8});
}

TEST(Pooling, OverAWholeSequenceAnEmptyOneGivesZeros) {
  expect_values(GlobalAveragePooling1D()(powers()), {7.0f / 3, 0, 12});
  expect_values(GlobalMaxPooling1D()(powers()), {4, 0, 16});
  expect_values(FirstTokenPooling()(powers()), {1, 0, 8});
  expect_values(LastTokenPooling()(powers()), {4, 0, 16});
}

template <class L>
void expect_recorded(const std::string& file, const std::string& name, const L& layer,
                     const std::string& output_keep = "output_keep") {
  SCOPED_TRACE(name);
  test::expect_as_recorded(layer, layer, RecordedCase("layers/" + file + "_conv", name),
                           {.output_keep = output_keep}, [](const L&, const WeightSource&) {});
}

TEST(Pooling, IsAsInKeras) {
  const PoolingConfig valid{.pool_size = 2, .strides = 2};
  const PoolingConfig same_2{.pool_size = 3, .strides = 2, .padding = W::same()};
  const PoolingConfig same_1{.pool_size = 3, .strides = 1, .padding = W::same()};
  expect_recorded("keras", "max_pooling_valid_2_2", MaxPooling1D(valid));
  expect_recorded("keras", "max_pooling_same_3_2", MaxPooling1D(same_2));
  expect_recorded("keras", "max_pooling_same_3_1", MaxPooling1D(same_1));
  expect_recorded("keras", "average_pooling_valid_2_2", AveragePooling1D(valid));
  expect_recorded("keras", "average_pooling_same_3_2", AveragePooling1D(same_2));
  expect_recorded("keras", "average_pooling_same_3_1", AveragePooling1D(same_1));
  expect_recorded("keras", "global_average_pooling", GlobalAveragePooling1D(), "keep");
  expect_recorded("keras", "global_max_pooling", GlobalMaxPooling1D(), "keep");
}

TEST(Pooling, IsAsInPyTorch) {
  const PoolingConfig one_each_side{.pool_size = 3, .strides = 1, .padding = W::sides(1, 1)};
  expect_recorded("torch", "max_pool", MaxPooling1D({.pool_size = 2}));
  expect_recorded("torch", "max_pool_padding",
                  MaxPooling1D({.pool_size = 3, .strides = 2, .padding = W::sides(1, 1)}));
  expect_recorded("torch", "average_pool", AveragePooling1D({.pool_size = 2}, AverageOver::window));
  expect_recorded("torch", "average_pool_padding",
                  AveragePooling1D(one_each_side, AverageOver::window));
  expect_recorded("torch", "average_pool_real_only", AveragePooling1D(one_each_side));
}

TEST(Pooling, ASequenceDoesNotFeelItsNeighbours) {
  const RaggedTensor x = random_tokens({4, 0, 1, 9, 2}, 3);
  const PoolingConfig config{.pool_size = 3, .strides = 2, .padding = W::same()};
  test::expect_batch_equals_alone(MaxPooling1D(config), x);
  test::expect_batch_equals_alone(AveragePooling1D(config), x);
  test::expect_batch_equals_alone(GlobalAveragePooling1D(), x);
  test::expect_batch_equals_alone(GlobalMaxPooling1D(), x);
  test::expect_batch_equals_alone(FirstTokenPooling(), x);
  test::expect_batch_equals_alone(LastTokenPooling(), x);
}

TEST(Pooling, GradientsAreThoseOfCentralDifferences) {
  const RaggedTensor x = random_tokens({4, 0, 1, 3}, 2);
  const PoolingConfig config{.pool_size = 3, .strides = 2, .padding = W::same()};
  test::expect_layer_gradients(MaxPooling1D(config), {x});
  test::expect_layer_gradients(AveragePooling1D(config), {x});
  test::expect_layer_gradients(GlobalAveragePooling1D(), {x});
  test::expect_layer_gradients(GlobalMaxPooling1D(), {x});
  test::expect_layer_gradients(FirstTokenPooling(), {x});
  test::expect_layer_gradients(LastTokenPooling(), {x});
}

TEST(Pooling, SettingsCanBeCopied) {
  const PoolingConfig config{.pool_size = 2, .strides = 1, .padding = W::same()};
  expect_values(test::with_settings_of(MaxPooling1D(config))(powers()).values(), {2, 4, 4, 16, 16});
  expect_values(
      test::with_settings_of(AveragePooling1D(config, AverageOver::window))(powers()).values(),
      {1.5f, 3, 2, 12, 8});
}

TEST(Pooling, EndsTheMaskOrMakesANewOne) {
  const Symbol x = input("x", Spec::ragged({3}));
  EXPECT_TRUE(MaxPooling1D()(x).spec().is_ragged);
  EXPECT_NE(MaxPooling1D()(x).spec().layout, x.spec().layout);
  EXPECT_EQ(to_string(GlobalMaxPooling1D()(x).spec()), "[B, 3] f32");
  EXPECT_EQ(LastTokenPooling().mask_rule(), MaskRule::reduces);
  const Sequential model{AveragePooling1D(), FirstTokenPooling()};
  EXPECT_EQ(model(powers()).dense().shape(), (Shape{3, 1}));
}

}  // namespace
}  // namespace nopad::nn
