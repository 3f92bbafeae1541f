#include "nopad/ops/layer_norm.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

TEST(LayerNorm, NormalisesByHand) {
  // Mean 2, variance 1: (x - 2) * 3 + 1.
  const std::array<float, 2> x = {1, 3};
  const Tensor out = layer_norm(Tensor::from_values<float>(x, {1, 2}),
                                {.gain = Tensor::from_values<float>(std::array{3.0f, 3.0f}, {2}),
                                 .bias = Tensor::from_values<float>(std::array{1.0f, 1.0f}, {2}),
                                 .eps = 0});
  test::expect_close(out.values<float>(), std::array{-2.0f, 4.0f}, test::kF32);
}

TEST(LayerNorm, ARowHasTheSameBitsAlone) {
  test::Random random(1);
  const LayerNormWeights weights{.gain = random.tensor({37}), .bias = random.tensor({37})};
  const Tensor x = random.tensor({200, 37});
  const Tensor batch = layer_norm(x, weights);
  for (const int64_t row : {0, 63, 64, 199}) {
    test::expect_same_bits(layer_norm(x.rows(row, row + 1), weights), batch.rows(row, row + 1));
  }
}

TEST(LayerNorm, NoRowsGiveNoRowsAndAConstantRowGivesTheBias) {
  const LayerNormWeights weights{.gain = Tensor::zeros({3}), .bias = Tensor::zeros({3})};
  EXPECT_EQ(layer_norm(Tensor::empty({0, 3}), weights).shape(), (Shape{0, 3}));
  const Tensor constant = layer_norm(Tensor::zeros({1, 3}), weights);
  for (const float value : constant.values<float>()) EXPECT_EQ(value, 0.0f);
}

TEST(LayerNorm, NamesTheOperandThatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] {
        layer_norm(Tensor::zeros({2, 3}), {.gain = Tensor::zeros({4})});
      },
      "layer_norm: gain: expected [3], got [4]");
  test::expect_error<DTypeError>(
      [] {
        layer_norm(Tensor::zeros({2, 3}, DType::i32), {.gain = Tensor::zeros({3})});
      },
      "layer_norm: x: expected f32, f64 or bf16, got i32");
  test::expect_error<DTypeError>(
      [] {
        layer_norm(Tensor::zeros({2, 3}, DType::f64), {.gain = Tensor::zeros({3})});
      },
      "layer_norm: gain: expected f64, got f32");
  test::expect_error<ShapeError>(
      [] { layer_norm(Tensor::zeros({}), {.gain = Tensor::zeros({1})}); },
      "layer_norm: x: expected [..., D], got []");
}

}  // namespace
}  // namespace nopad::ops
