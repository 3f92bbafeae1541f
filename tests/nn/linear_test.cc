#include "nopad/nn/linear.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/layer_norm.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

constexpr std::array<int64_t, 5> kLengths = {3, 0, 1, 17, 8};

RaggedTensor tokens(int64_t width, uint64_t seed = 1) {
  const RaggedLayout layout = RaggedLayout::from_lengths(kLengths);
  return {test::Random(seed).tensor({layout.num_tokens(), width}), layout};
}

Linear built(const Linear::Config& config, int64_t inputs) {
  const Linear linear(config);
  const Spec spec = Spec::ragged({inputs});
  linear.build({&spec, 1});
  return linear;
}

TEST(Linear, IsAProductABiasAndAnActivation) {
  const Linear linear({.units = 2, .activation = Activation::relu});
  const RaggedTensor x(test::tensor_of<float>({2, 2}, {1, 2, 3, -4}),
                       RaggedLayout::from_lengths(std::array<int64_t, 1>{2}));
  linear(x);
  linear.parameters()[0].parameter.assign(test::tensor_of<float>({2, 2}, {1, 1, 0, -1}));
  linear.parameters()[1].parameter.assign(test::tensor_of<float>({2}, {10, 0}));
  EXPECT_EQ(test::list<float>(linear(x).values()), (std::vector<float>{13, 0, 9, 4}));
  EXPECT_EQ(test::list<float>(linear(x.values())), (std::vector<float>{13, 0, 9, 4}));
}

TEST(Linear, TakesItsWeightsFromTheFirstInput) {
  const Linear linear({.units = 3, .use_bias = false});
  EXPECT_EQ(linear(tokens(5)).values().dim(-1), 3);
  ASSERT_EQ(linear.parameters().size(), 1u);
  EXPECT_EQ(linear.parameters()[0].parameter->shape(), (Shape{3, 5}));
  EXPECT_EQ(linear.num_inputs(), 5);
  EXPECT_EQ(linear.num_outputs(), 3);
}

TEST(Linear, EqualsPyTorch) {
  for (const bool use_bias : {true, false}) {
    const Linear::Config config{.units = 3, .use_bias = use_bias};
    const test::RecordedCase recorded("layers/torch_linear",
                                      use_bias ? "linear" : "linear_no_bias");
    test::expect_as_recorded(
        built(config, 5), built(config, 5), recorded, {},
        [](const Linear& linear, const WeightSource& source) { linear.load(source); });
  }
}

TEST(Linear, EqualsKerasDense) {
  const std::vector<std::pair<std::string, Activation>> cases = {
      {"dense", Activation::none},      {"dense_relu", Activation::relu},
      {"dense_tanh", Activation::tanh}, {"dense_sigmoid", Activation::sigmoid},
      {"dense_gelu", Activation::gelu}, {"dense_silu", Activation::silu}};
  for (const auto& [name, activation] : cases) {
    SCOPED_TRACE(name);
    const Dense::Config config{.units = 3, .activation = activation};
    test::expect_as_recorded(
        Dense(config), Dense(config), test::RecordedCase("layers/keras_embedding", name), {},
        [](const Dense& dense, const WeightSource& source) { dense.load_keras(source, "dense"); });
  }
}

TEST(Linear, GradientsAgreeWithDifferences) {
  test::expect_layer_gradients(Linear({.units = 3, .activation = Activation::tanh}), {tokens(4)});
}

TEST(Linear, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const Linear linear({.units = 33, .activation = Activation::gelu});
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return linear(x); }, tokens(19));
  const Linear frozen = linear.freeze(Compute::f32);
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return frozen(x); }, tokens(19));
}

TEST(Linear, FreezingChangesNothingButTheForm) {
  const Linear linear({.units = 33, .activation = Activation::gelu});
  const RaggedTensor x = tokens(19);
  const RaggedTensor before = linear(x);
  const Linear frozen = linear.freeze(Compute::f32);
  test::expect_close(frozen(x).values(), autograd::detach(before.values()), test::kF32);
  EXPECT_TRUE(frozen.is_built());
  EXPECT_TRUE(frozen.parameters().empty());
  EXPECT_FALSE(autograd::needs_grad(frozen(x).values()));
  // Training the layer on leaves the frozen one alone.
  const Tensor was = frozen(x).values();
  linear.parameters()[1].parameter.assign(test::Random(9).tensor({33}));
  test::expect_same_bits(frozen(x).values(), was);
}

TEST(Linear, AnEpilogueIsTheSameFusedOrNot) {
  const Linear linear({.units = 16});
  const Tensor x = tokens(16).values();
  const ops::LayerNormWeights norm{.gain = test::Random(3).tensor({16}),
                                   .bias = test::Random(4).tensor({16})};
  const ops::LinearEpilogue epilogue{.activation = Activation::relu, .residual = &x, .norm = &norm};
  const Tensor trained = linear(x, epilogue);
  EXPECT_TRUE(autograd::needs_grad(trained));
  test::expect_close(linear.freeze(Compute::f32)(x, epilogue), autograd::detach(trained),
                     {1e-5, 1e-5});
}

TEST(Linear, NoTokensGiveNoRowsAndZeroGradients) {
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{}, {0, 0}}) {
    const Linear linear = built({.units = 2}, 3);
    const RaggedTensor out(
        linear(RaggedTensor(Tensor::zeros({0, 3}), RaggedLayout::from_lengths(lengths))));
    EXPECT_EQ(out.values().shape(), (Shape{0, 2}));
    const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 2}));
    for (const auto& [name, parameter] : linear.parameters()) {
      test::expect_same_bits(gradients.of(*parameter), Tensor::zeros(parameter->shape()));
    }
  }
}

TEST(Linear, IsPartOfModels) {
  const Sequential model{Linear({.units = 4}), Linear({.units = 2})};
  EXPECT_EQ(model(tokens(3)).ragged().values().dim(-1), 2);
  const Symbol x = input("x", Spec::ragged({3}));
  EXPECT_EQ(to_string(Linear({.units = 2})(x).spec()), "[T, 2] f32");
  const Symbol row = input("row", Spec::dense({3}));
  EXPECT_EQ(to_string(Linear({.units = 2})(row).spec()), "[B, 2] f32");
}

TEST(Linear, SaysWhatDoesNotFit) {
  test::expect_error<OptionError>(
      [] {
        Linear()(Tensor::zeros({2, 3}));
      },
      "Linear: units: expected 1 or more, got 0");
  test::expect_error<ShapeError>([] { Linear({.units = 2})(Tensor::zeros({2})); },
                                 "Linear: input: expected a known size of axis -1 of each row, "
                                 "got [B] f32");
  const Linear linear = built({.units = 2}, 3);
  test::expect_error<ShapeError>(
      [&] {
        linear(Tensor::zeros({2, 4}));
      },
      "linear: x: expected [..., 3], got [2, 4]");
}

TEST(Linear, AFrozenOneCanNeitherBeTrainedNorSaved) {
  const Linear frozen = built({.units = 2}, 3).freeze(Compute::f32);
  frozen.train();
  test::expect_error<OptionError>(
      [&] {
        frozen(Tensor::zeros({2, 3}));
      },
      "Linear: training: expected parameters, got weights packed for inference; train the layer "
      "that was frozen");
  test::expect_error<OptionError>([&] { frozen.freeze(Compute::f32); },
                                  "Linear: freeze: expected a trained layer, got a frozen one");
}

TEST(Linear, AFrozenOneRefusesToBeLoadedInsteadOfDoingNothing) {
  const test::RecordedCase recorded("layers/torch_linear", "linear");
  const Linear frozen = Linear::load(recorded.weights(), "", 5, 3, Compute::f32);
  test::expect_error<WeightError>(
      [&] { static_cast<const Layer&>(frozen).load(recorded.weights()); },
      "Linear: load: expected a built layer, got one without weights (not built for an input yet, "
      "or frozen)");
}

}  // namespace
}  // namespace nopad::nn
