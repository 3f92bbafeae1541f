#include "kernels/softmax.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "isas.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<int64_t, 14> kWidths = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 1000};

class SoftmaxKernel : public testing::TestWithParam<Isa> {
 protected:
  const SoftmaxKernels<float>& fast = softmax_kernels<float>(GetParam());
  const SoftmaxKernels<float>& slow = ref::softmax_kernels<float>();
};
INSTANTIATE_TEST_SUITE_P(Isas, SoftmaxKernel, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

// Some of the values are -inf, as where something takes no part.
std::vector<float> random_scores(test::Random& random, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = random.integer(0, 5) == 0 ? -kInfinity : random.real(-20, 20);
  return out;
}

std::vector<float> random_values(test::Random& random, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = random.real(-2, 2);
  return out;
}

TEST_P(SoftmaxKernel, SoftmaxAndItsGradientEqualTheReferenceForEveryWidth) {
  test::Random random(1);
  for (const int64_t width : kWidths) {
    const auto x = random_scores(random, 3 * width);
    std::vector<float> y(x.size()), expected(x.size());
    fast.softmax(x.data(), y.data(), width, 3);
    slow.softmax(x.data(), expected.data(), width, 3);
    test::expect_close(y, expected, test::kF32);
    const auto d_y = random_values(random, 3 * width);
    std::vector<float> d_x(x.size()), expected_d_x(x.size());
    fast.softmax_backward(expected.data(), d_y.data(), d_x.data(), width, 3);
    slow.softmax_backward(expected.data(), d_y.data(), expected_d_x.data(), width, 3);
    test::expect_close(d_x, expected_d_x, test::kF32);
  }
}

TEST_P(SoftmaxKernel, LogSumExpAndScaledExpEqualTheReferenceForEveryWidth) {
  test::Random random(2);
  for (const int64_t width : kWidths) {
    const auto x = random_scores(random, 3 * width);
    std::array<float, 3> sums{}, expected{};
    fast.log_sum_exp(x.data(), sums.data(), width, 3);
    slow.log_sum_exp(x.data(), expected.data(), width, 3);
    test::expect_close(sums, expected, test::kF32);
    const std::array<float, 3> shift = {20, 21, 22}, scale = {0, 1, -3};
    std::vector<float> y(x.size()), expected_y(x.size());
    fast.scaled_exp(x.data(), shift.data(), scale.data(), y.data(), width, 3);
    slow.scaled_exp(x.data(), shift.data(), scale.data(), expected_y.data(), width, 3);
    test::expect_close(y, expected_y, test::kF32);
  }
}

TEST_P(SoftmaxKernel, ARowOfWhichNothingTakesPartGivesZeros) {
  std::vector<float> x(19, -kInfinity), y(19, kNan);
  fast.softmax(x.data(), y.data(), 19, 1);
  EXPECT_EQ(y, std::vector<float>(19, 0.0f));
  float sum = 0;
  fast.log_sum_exp(x.data(), &sum, 19, 1);
  EXPECT_EQ(sum, -kInfinity);
}

TEST_P(SoftmaxKernel, LargeValuesDoNotOverflow) {
  std::array<float, 3> x = {1e30f, 1e30f, -1e30f}, y{};
  fast.softmax(x.data(), y.data(), 3, 1);
  EXPECT_EQ(y, (std::array<float, 3>{0.5f, 0.5f, 0.0f}));
}

TEST_P(SoftmaxKernel, ANanFillsItsOwnRowAndNoOther) {
  // A NaN among -inf alone must not be taken for "nothing takes part".
  for (const int64_t place : {0, 7, 20}) {
    std::vector<float> x(63, -kInfinity), y(63);
    x[static_cast<size_t>(21 + place)] = kNan;
    fast.softmax(x.data(), y.data(), 21, 3);
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 21 == 1) << i;
  }
}

TEST_P(SoftmaxKernel, WorksInPlace) {
  test::Random random(3);
  auto x = random_scores(random, 2 * 37);
  std::vector<float> y(x.size());
  fast.softmax(x.data(), y.data(), 37, 2);
  fast.softmax(x.data(), x.data(), 37, 2);
  EXPECT_EQ(x, y);
}

}  // namespace
}  // namespace nopad::kernels
