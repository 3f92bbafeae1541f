#include "nopad/ops/rms_norm.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

TEST(RmsNorm, DividesByTheRootMeanSquareByHand) {
  // mean(1, 49) = 25.
  const std::array<float, 2> x = {1, 7};
  const Tensor out =
      rms_norm(Tensor::from_values<float>(x, {1, 2}),
               {.gain = Tensor::from_values<float>(std::array{5.0f, 10.0f}, {2}), .eps = 0});
  test::expect_close(out.values<float>(), std::array{1.0f, 14.0f}, test::kF32);
}

TEST(RmsNorm, ARowOfZerosGivesZeros) {
  const Tensor out = rms_norm(Tensor::zeros({2, 3}), {.gain = Tensor::zeros({3})});
  test::expect_same_bits(out, Tensor::zeros({2, 3}));
}

TEST(RmsNorm, NamesTheOperandThatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] {
        rms_norm(Tensor::zeros({2, 3}), {.gain = Tensor::zeros({4})});
      },
      "rms_norm: gain: expected [3], got [4]");
  test::expect_error<DTypeError>(
      [] {
        rms_norm(Tensor::zeros({2, 3}, DType::i32), {.gain = Tensor::zeros({3})});
      },
      "rms_norm: x: expected f32, f64 or bf16, got i32");
}

}  // namespace
}  // namespace nopad::ops
