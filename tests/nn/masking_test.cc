#include "nopad/nn/masking.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Masking, AStepIsPaddingWhereAllItsFeaturesAreTheValue) {
  const Tensor x = test::tensor_of<float>({2, 3, 2}, {1, 2, 0, 0, 0, 3, 0, -0.0f, 0, kNan, 0, 0});
  const RaggedTensor out = Masking()(x);
  test::expect_same_bits(out.layout().keep(), test::bools({2, 3}, {1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(out.values().values<float>()[3], 3);
  EXPECT_TRUE(std::isnan(out.values().values<float>()[5]));
}

TEST(Masking, TheValueIsThatOfTheDtype) {
  // 0.1 has other bits in f32 and f64.
  const Tensor x = test::tensor_of<float>({1, 2, 1}, {0.1f, 0});
  EXPECT_EQ(Masking({.mask_value = 0.1})(x).layout().num_tokens(), 1);
  EXPECT_EQ(Masking({.mask_value = 0.1})(x.to(DType::f64)).layout().num_tokens(), 2);
  EXPECT_EQ(Masking({.mask_value = kNan})(x).layout().num_tokens(), 2);
}

TEST(Masking, EqualsKeras) {
  for (const bool with_value : {false, true}) {
    const test::RecordedCase recorded("layers/keras_embedding",
                                      with_value ? "masking_value" : "masking");
    const RaggedTensor out =
        Masking({.mask_value = with_value ? 5.0 : 0.0})(recorded.tensor("input"));
    test::expect_same_bits(out.layout().keep(), recorded.tensor("keep"));
    test::expect_same_bits(out.values(), recorded.ragged("output").values());
  }
}

RaggedTensor tokens() {
  return {test::tensor_of<float>({6, 2}, {1, 2, 0, 0, 3, 0, 0, 0, 4, 5, 6, 7}),
          RaggedLayout::from_lengths(std::array<int64_t, 4>{3, 0, 1, 2})};
}

TEST(Masking, OfRaggedOnesItTakesTokensOut) {
  const RaggedTensor out = Masking()(tokens());
  EXPECT_EQ(test::list<int64_t>(out.layout().lengths()), (std::vector<int64_t>{2, 0, 0, 2}));
  EXPECT_EQ(test::list<float>(out.values()), (std::vector<float>{1, 2, 3, 0, 4, 5, 6, 7}));
  EXPECT_EQ(out.layout().column(0, 1), 2);
}

TEST(Masking, GradientsGoWhereTheTokensWere) {
  Tensor x = test::tensor_of<float>({1, 3, 2}, {1, 2, 0, 0, 3, 4});
  autograd::require_grad(x);
  const RaggedTensor out = Masking()(x);
  const auto gradients =
      autograd::backward(out.values(), test::tensor_of<float>({2, 2}, {5, 6, 7, 8}));
  EXPECT_EQ(test::list<float>(gradients.of(x)), (std::vector<float>{5, 6, 0, 0, 7, 8}));
  test::expect_layer_gradients(Masking({.mask_value = 9}), {tokens()});
}

TEST(Masking, ASequenceInABatchIsTheSequenceAlone) {
  test::expect_batch_equals_alone([](const RaggedTensor& x) { return Masking()(x); }, tokens());
}

TEST(Masking, NothingInGivesNothing) {
  EXPECT_EQ(Masking()(Tensor::zeros({0, 3, 2})).layout().num_sequences(), 0);
  Tensor x = Tensor::zeros({2, 3, 2});
  autograd::require_grad(x);
  const RaggedTensor out = Masking()(x);
  EXPECT_EQ(out.layout().num_tokens(), 0);
  test::expect_same_bits(autograd::backward(out.values(), Tensor::zeros({0, 2})).of(x),
                         Tensor::zeros({2, 3, 2}));
}

TEST(Masking, BeginsModels) {
  const Sequential model{Masking()};
  model.build(Spec::dense({kAny, 2}));
  EXPECT_EQ(model.mask_rule(), MaskRule::makes);
}

TEST(Masking, SaysWhatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] {
        Masking()(Tensor::zeros({2, 3}));
      },
      "Masking: x: expected [B, L, ...], got [2, 3]");
  test::expect_error<DTypeError>(
      [] {
        Masking()(Tensor::zeros({2, 3, 1}, DType::i32));
      },
      "Masking: x: expected f32 or f64, got i32");
}

}  // namespace
}  // namespace nopad::nn
