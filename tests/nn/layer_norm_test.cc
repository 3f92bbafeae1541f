#include "nopad/nn/layer_norm.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

RaggedTensor tokens(int64_t width) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::array<int64_t, 5>{3, 0, 1, 9, 4});
  return {test::Random(1).tensor({layout.num_tokens(), width}), layout};
}

LayerNorm built(const LayerNorm::Config& config, int64_t width) {
  const LayerNorm norm(config);
  const Spec spec = Spec::ragged({width});
  norm.build({&spec, 1});
  return norm;
}

TEST(LayerNorm, CentresAndScalesEachToken) {
  const autograd::NoGradScope no_grad;
  const LayerNorm norm({.eps = 0});
  const Tensor x = test::tensor_of<float>({2, 2}, {1, 3, -4, 4});
  test::expect_close(norm(x), test::tensor_of<float>({2, 2}, {-1, 1, -1, 1}), test::kF32);
}

TEST(LayerNorm, EqualsPyTorch) {
  const auto load = [](const LayerNorm& norm, const WeightSource& source) { norm.load(source); };
  const LayerNorm::Config plain, no_bias{.eps = 1e-3f, .use_bias = false};
  test::expect_as_recorded(built(plain, 6), built(plain, 6),
                           test::RecordedCase("layers/torch_norms", "layer_norm"), {}, load);
  test::expect_as_recorded(built(no_bias, 6), built(no_bias, 6),
                           test::RecordedCase("layers/torch_norms", "layer_norm_no_bias"), {},
                           load);
}

TEST(LayerNorm, EqualsKeras) {
  const LayerNorm::Config config{.eps = 1e-3f};
  test::expect_as_recorded(LayerNorm(config), LayerNorm(config),
                           test::RecordedCase("layers/keras_norms", "layer_normalization"), {},
                           [](const LayerNorm& norm, const WeightSource& source) {
                             norm.load_keras(source, "layer_normalization");
                           });
}

TEST(LayerNorm, GradientsAgreeWithDifferences) {
  test::expect_layer_gradients(LayerNorm(), {tokens(4)});
  test::expect_layer_gradients(LayerNorm({.use_gain = false, .use_bias = false}), {tokens(4)});
}

TEST(LayerNorm, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const LayerNorm norm;
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return norm(x); }, tokens(19));
}

TEST(LayerNorm, NoTokensGiveNoRowsAndZeroGradients) {
  const LayerNorm norm = built({}, 3);
  const RaggedTensor out = norm(RaggedTensor(
      Tensor::zeros({0, 3}), RaggedLayout::from_lengths(std::array<int64_t, 2>{0, 0})));
  const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 3}));
  for (const auto& [name, parameter] : norm.parameters()) {
    test::expect_same_bits(gradients.of(*parameter), Tensor::zeros({3}));
  }
}

TEST(LayerNorm, AFrozenOneHasNoParametersAndRecordsNothing) {
  const LayerNorm frozen =
      LayerNorm::frozen({.gain = test::tensor_of<float>({2}, {2, 2}), .eps = 0});
  const Tensor x = test::tensor_of<float>({1, 2}, {1, 3});
  test::expect_close(frozen(x), test::tensor_of<float>({1, 2}, {-2, 2}), test::kF32);
  EXPECT_TRUE(frozen.parameters().empty());
  EXPECT_EQ(frozen.weights().gain.dim(0), 2);
  frozen.train();
  test::expect_error<OptionError>(
      [&] { frozen(x); }, "LayerNorm: training: expected parameters, got weights for inference");
  test::expect_error<OptionError>([] { LayerNorm().weights(); },
                                  "LayerNorm: weights: expected a frozen layer");
}

TEST(LayerNorm, IsPartOfModels) {
  const Sequential model{LayerNorm(), LayerNorm({.use_bias = false})};
  EXPECT_EQ(model(tokens(3)).ragged().values().dim(-1), 3);
  EXPECT_EQ(model.parameters().size(), 3u);
}

}  // namespace
}  // namespace nopad::nn
