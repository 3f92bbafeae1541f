#include "nopad/nn/group_norm.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
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

GroupNorm built(const GroupNorm::Config& config, int64_t width) {
  const GroupNorm norm(config);
  const Spec spec = Spec::ragged({width});
  norm.build({&spec, 1});
  return norm;
}

TEST(GroupNorm, TakesItsStatisticsFromEachSequencesTokens) {
  const autograd::NoGradScope no_grad;
  const GroupNorm norm({.num_groups = 1, .eps = 0});
  const RaggedTensor x(test::tensor_of<float>({3, 2}, {1, 3, 1, 3, 5, 7}),
                       RaggedLayout::from_lengths(std::array<int64_t, 3>{2, 0, 1}));
  test::expect_close(norm(x).values(), test::tensor_of<float>({3, 2}, {-1, 1, -1, 1, -1, 1}),
                     test::kF32);
}

TEST(GroupNorm, EqualsPyTorch) {
  const auto load = [](const GroupNorm& norm, const WeightSource& source) { norm.load(source); };
  const GroupNorm::Config groups{.num_groups = 3}, channels;
  test::expect_as_recorded(built(groups, 6), built(groups, 6),
                           test::RecordedCase("layers/torch_norms", "group_norm"), {}, load);
  test::expect_as_recorded(built(channels, 6), built(channels, 6),
                           test::RecordedCase("layers/torch_norms", "instance_norm"), {}, load);
}

TEST(GroupNorm, EqualsKeras) {
  const auto load = [](const GroupNorm& norm, const WeightSource& source) {
    norm.load_keras(source, "group_normalization");
  };
  const GroupNorm::Config groups{.num_groups = 3, .eps = 1e-3f}, channels{.eps = 1e-3f};
  test::expect_as_recorded(GroupNorm(groups), GroupNorm(groups),
                           test::RecordedCase("layers/keras_norms", "group_normalization"), {},
                           load);
  test::expect_as_recorded(
      GroupNorm(channels), GroupNorm(channels),
      test::RecordedCase("layers/keras_norms", "group_normalization_each_channel"), {}, load);
}

TEST(GroupNorm, GradientsAgreeWithDifferences) {
  test::expect_layer_gradients(GroupNorm({.num_groups = 2}), {tokens(4)});
  test::expect_layer_gradients(GroupNorm({.use_gain = false, .use_bias = false}), {tokens(3)});
}

TEST(GroupNorm, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  const GroupNorm norm({.num_groups = 3});
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return norm(x); }, tokens(18));
}

TEST(GroupNorm, NoTokensGiveNoRowsAndZeroGradients) {
  const GroupNorm norm = built({}, 3);
  const RaggedTensor out = norm(RaggedTensor(
      Tensor::zeros({0, 3}), RaggedLayout::from_lengths(std::array<int64_t, 2>{0, 0})));
  const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 3}));
  for (const auto& [name, parameter] : norm.parameters()) {
    test::expect_same_bits(gradients.of(*parameter), Tensor::zeros({3}));
  }
}

TEST(GroupNorm, BuildsOnTokensAndNothingElse) {
  const Symbol x = input("x", Spec::ragged({4}));
  EXPECT_EQ(to_string(GroupNorm({.num_groups = 2})(x).spec()), "[T, 4] f32");
  const Symbol row = input("row", Spec::dense({4}));
  test::expect_error<LayoutError>(
      [&] { GroupNorm()(row); },
      "GroupNorm: input: expected tokens and their layout, got the dense [4, 4]; take its padding "
      "out first: Embedding, Masking or from_padded");
  EXPECT_THROW(GroupNorm({.num_groups = 3})(x), OptionError);
}

}  // namespace
}  // namespace nopad::nn
