#include "kernels/layer_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "isas.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

class LayerNormKernel : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, LayerNormKernel, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

std::vector<float> random_values(test::Random& random, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = random.real(-3, 3);
  return out;
}

TEST_P(LayerNormKernel, EqualsTheReferenceForEveryWidth) {
  test::Random random(1);
  for (const int64_t width : {1, 2, 7, 16, 17, 31, 33, 64, 65, 384, 1000}) {
    const auto x = random_values(random, 3 * width);
    const auto gain = random_values(random, width);
    const auto bias = random_values(random, width);
    for (const float* const used_bias : {bias.data(), static_cast<const float*>(nullptr)}) {
      std::vector<float> y(x.size()), expected(x.size());
      LayerNormProblem<float> problem{.x = x.data(),
                                      .x_stride = width,
                                      .y = y.data(),
                                      .y_stride = width,
                                      .width = width,
                                      .gain = gain.data(),
                                      .bias = used_bias,
                                      .eps = 1e-5f};
      layer_norm_f32(GetParam())(problem, 0, 3);
      problem.y = expected.data();
      ref::layer_norm(problem, 0, 3);
      test::expect_close(y, expected, {5e-6, 1e-5});
    }
  }
}

TEST_P(LayerNormKernel, TakesDeviationsFromZeroForRmsNorm) {
  test::Random random(3);
  for (const int64_t width : {1, 7, 16, 33, 768}) {
    const auto x = random_values(random, 2 * width), gain = random_values(random, width);
    std::vector<float> y(x.size()), expected(x.size());
    LayerNormProblem<float> problem{.x = x.data(),
                                    .x_stride = width,
                                    .y = y.data(),
                                    .y_stride = width,
                                    .width = width,
                                    .gain = gain.data(),
                                    .eps = 1e-6f,
                                    .centre = Centre::zero};
    layer_norm_f32(GetParam())(problem, 0, 2);
    problem.y = expected.data();
    ref::layer_norm(problem, 0, 2);
    test::expect_close(y, expected, {5e-6, 1e-5});
  }
}

// The gradients of `rows` rows, by one kernel.
struct Gradients {
  Gradients(LayerNormBackward<float> kernel, LayerNormBackwardProblem<float> problem, int64_t rows)
      : x(static_cast<size_t>(rows * problem.width), 42.0f),
        gain(static_cast<size_t>(problem.width), 0.5f),
        bias(gain) {
    problem.d_x = x.data();
    problem.d_gain = gain.data();
    problem.d_bias = bias.data();
    kernel(problem, 0, rows);
  }
  std::vector<float> x, gain, bias;
};

TEST_P(LayerNormKernel, HasTheGradientsOfTheReference) {
  test::Random random(4);
  constexpr int64_t kRows = 5;
  for (const Centre centre : {Centre::mean, Centre::zero}) {
    for (const int64_t width : {1, 2, 7, 16, 17, 31, 33, 64, 65, 384, 1000}) {
      const auto x = random_values(random, kRows * width), gain = random_values(random, width);
      auto d_y = random_values(random, kRows * width);
      std::fill_n(d_y.begin() + width, width, 0.0f);
      const LayerNormBackwardProblem<float> problem{.x = x.data(),
                                                    .d_y = d_y.data(),
                                                    .width = width,
                                                    .gain = gain.data(),
                                                    .eps = 1e-3f,
                                                    .centre = centre};
      const Gradients fast(layer_norm_backward_f32(GetParam()), problem, kRows);
      const Gradients slow(ref::layer_norm_backward, problem, kRows);
      test::expect_close(fast.x, slow.x, {5e-5, 5e-5});
      test::expect_close(fast.gain, slow.gain, {1e-5, 1e-5});
      test::expect_close(fast.bias, slow.bias, {1e-5, 1e-5});
    }
  }
}

TEST_P(LayerNormKernel, ARowWithoutGradientIsNotRead) {
  constexpr int64_t kWidth = 21;
  test::Random random(5);
  auto x = random_values(random, 3 * kWidth), d_y = random_values(random, 3 * kWidth);
  std::fill_n(d_y.begin() + kWidth, kWidth, 0.0f);
  const auto gain = random_values(random, kWidth);
  const LayerNormBackwardProblem<float> problem{
      .x = x.data(), .d_y = d_y.data(), .width = kWidth, .gain = gain.data(), .eps = 1e-5f};
  const Gradients clean(layer_norm_backward_f32(GetParam()), problem, 3);
  std::fill_n(x.begin() + kWidth, kWidth, std::numeric_limits<float>::quiet_NaN());
  const Gradients poisoned(layer_norm_backward_f32(GetParam()), problem, 3);
  EXPECT_EQ(poisoned.x, clean.x);
  EXPECT_EQ(poisoned.gain, clean.gain);
  EXPECT_EQ(poisoned.bias, clean.bias);
}

TEST_P(LayerNormKernel, WorksInPlaceAndInBf16) {
  test::Random random(2);
  constexpr int64_t kWidth = 37;
  auto x = random_values(random, kWidth);
  const std::vector<float> gain(kWidth, 1.5f), bias(kWidth, 0.25f);
  std::vector<BFloat16> half;
  for (float& value : x) {
    half.emplace_back(value);
    value = static_cast<float>(half.back());
  }
  std::vector<float> expected(x.size());
  LayerNormProblem<float> problem{.x = x.data(),
                                  .x_stride = kWidth,
                                  .y = expected.data(),
                                  .y_stride = kWidth,
                                  .width = kWidth,
                                  .gain = gain.data(),
                                  .bias = bias.data(),
                                  .eps = 1e-12f};
  layer_norm_f32(GetParam())(problem, 0, 1);
  problem.y = x.data();
  layer_norm_f32(GetParam())(problem, 0, 1);
  EXPECT_EQ(x, expected);
  const LayerNormProblem<BFloat16> half_problem{.x = half.data(),
                                                .x_stride = kWidth,
                                                .y = half.data(),
                                                .y_stride = kWidth,
                                                .width = kWidth,
                                                .gain = gain.data(),
                                                .bias = bias.data(),
                                                .eps = 1e-12f};
  layer_norm_bf16(GetParam())(half_problem, 0, 1);
  for (size_t i = 0; i < half.size(); ++i) EXPECT_EQ(half[i], BFloat16(expected[i])) << i;
}

TEST_P(LayerNormKernel, ANanStaysInItsOwnRow) {
  constexpr int64_t kWidth = 20;
  std::vector<float> x(3 * kWidth, 1.0f), y(x.size());
  x[2] = 5;
  x[kWidth + 3] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> gain(kWidth, 1.0f);
  layer_norm_f32(GetParam())({.x = x.data(),
                              .x_stride = kWidth,
                              .y = y.data(),
                              .y_stride = kWidth,
                              .width = kWidth,
                              .gain = gain.data(),
                              .eps = 1e-5f},
                             0, 3);
  for (int64_t i = 0; i < 3 * kWidth; ++i) {
    EXPECT_EQ(std::isnan(y[static_cast<size_t>(i)]), i / kWidth == 1) << i;
  }
}

}  // namespace
}  // namespace nopad::kernels
