#include "nopad/nn/rms_norm.h"

#include <gtest/gtest.h>

#include <array>

#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
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

RmsNorm built(int64_t width) {
  const RmsNorm norm;
  const Spec spec = Spec::ragged({width});
  norm.build({&spec, 1});
  return norm;
}

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  const autograd::NoGradScope no_grad;
  const RmsNorm norm({.eps = 0});
  const Tensor x = test::tensor_of<float>({2, 2}, {3, 3, -1, 7});
  test::expect_close(norm(x), test::tensor_of<float>({2, 2}, {1, 1, -0.2f, 1.4f}), test::kF32);
}

TEST(RmsNorm, EqualsPyTorchAndKeras) {
  test::expect_as_recorded(
      built(6), built(6), test::RecordedCase("layers/torch_norms", "rms_norm"), {},
      [](const RmsNorm& norm, const WeightSource& source) { norm.load(source); });
  test::expect_as_recorded(RmsNorm(), RmsNorm(),
                           test::RecordedCase("layers/keras_norms", "rms_normalization"), {},
                           [](const RmsNorm& norm, const WeightSource& source) {
                             norm.load_keras(source, "rms_normalization");
                           });
}

TEST(RmsNorm, GradientsAgreeWithDifferences) {
  test::expect_layer_gradients(RmsNorm(), {tokens(4)});
  test::expect_layer_gradients(RmsNorm({.use_gain = false}), {tokens(4)});
}

TEST(RmsNorm, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const RmsNorm norm;
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return norm(x); }, tokens(19));
}

TEST(RmsNorm, NoTokensGiveNoRowsAndZeroGradients) {
  const RmsNorm norm = built(3);
  const RaggedTensor out = norm(RaggedTensor(Tensor::zeros({0, 3}), RaggedLayout()));
  const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 3}));
  test::expect_same_bits(gradients.of(*norm.parameters()[0].parameter), Tensor::zeros({3}));
}

TEST(RmsNorm, IsPartOfModels) {
  const Sequential model{RmsNorm(), RmsNorm()};
  EXPECT_EQ(model(tokens(3)).ragged().values().dim(-1), 3);
  EXPECT_EQ(model.num_trained(), 6);
}

}  // namespace
}  // namespace nopad::nn
