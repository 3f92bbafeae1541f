#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "isas.h"
#include "kernels/gemm.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class ElementwiseKernel : public testing::TestWithParam<Isa> {
 protected:
  const ElementwiseF32& kernel() const { return elementwise_f32(GetParam()); }

  float evaluate(Function function, float x, float parameter = 0) const {
    float y = 0;
    kernel().evaluate({function, parameter}, &x, &y, 1);
    return y;
  }
};
INSTANTIATE_TEST_SUITE_P(Isas, ElementwiseKernel, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

std::vector<FunctionRun> all_functions() {
  std::vector<FunctionRun> out;
  for (int i = 0; i < kNumFunctions; ++i) out.push_back({static_cast<Function>(i), 0.3f});
  return out;
}

bool is_of_positive_numbers(Function function) {
  return function == Function::log || function == Function::sqrt;
}

// Around 0 at every scale, and far from it.
std::vector<float> arguments(Function function, int64_t count) {
  test::Random random(static_cast<uint64_t>(count));
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i) {
    const float scale = std::ldexp(1.0f, static_cast<int>(random.integer(-20, 6)));
    const float x = random.real(-1, 1) * scale;
    out.push_back(is_of_positive_numbers(function) ? std::abs(x) + 1e-6f * scale : x);
  }
  return out;
}

TEST_P(ElementwiseKernel, EqualsTheReference) {
  for (const FunctionRun run : all_functions()) {
    SCOPED_TRACE(static_cast<int>(run.function));
    for (const int64_t count : {0, 1, 3, 7, 8, 9, 15, 16, 17, 33, 2000}) {
      const std::vector<float> x = arguments(run.function, count);
      std::vector<float> y(x.size());
      std::vector<double> expected;
      for (const float value : x) {
        expected.push_back(ref::evaluate(run.function, run.parameter, value));
      }
      kernel().evaluate(run, x.data(), y.data(), count);
      test::expect_close(y, expected, {1e-6, 2e-6});
    }
  }
}

TEST_P(ElementwiseKernel, GradientsEqualTheReference) {
  test::Random random(2);
  for (const FunctionRun run : all_functions()) {
    SCOPED_TRACE(static_cast<int>(run.function));
    for (const int64_t count : {0, 1, 7, 9, 17, 2000}) {
      std::vector<float> saved = arguments(run.function, count);
      if (saved_by(run.function) == Saved::value) {
        kernel().evaluate(run, saved.data(), saved.data(), count);
      }
      std::vector<float> d_y, d_x(saved.size());
      std::vector<double> expected;
      for (const float value : saved) {
        d_y.push_back(random.real());
        expected.push_back(ref::differentiate(run.function, run.parameter, value, d_y.back()));
      }
      kernel().differentiate(run, saved.data(), d_y.data(), d_x.data(), count);
      test::expect_close(d_x, expected, {2e-6, 4e-6});
    }
  }
}

TEST_P(ElementwiseKernel, AnElementHasTheSameBitsWhereverItStands) {
  for (const FunctionRun run : all_functions()) {
    SCOPED_TRACE(static_cast<int>(run.function));
    const std::vector<float> x = arguments(run.function, 67);
    std::vector<float> y(x.size()), d_x(x.size());
    kernel().evaluate(run, x.data(), y.data(), 67);
    kernel().differentiate(run, x.data(), y.data(), d_x.data(), 67);
    for (size_t i = 0; i < x.size(); ++i) {
      float alone = 0, d_alone = 0;
      kernel().evaluate(run, &x[i], &alone, 1);
      kernel().differentiate(run, &x[i], &y[i], &d_alone, 1);
      ASSERT_EQ(std::bit_cast<uint32_t>(alone), std::bit_cast<uint32_t>(y[i])) << i;
      ASSERT_EQ(std::bit_cast<uint32_t>(d_alone), std::bit_cast<uint32_t>(d_x[i])) << i;
    }
  }
}

// The product of [N, 1] with a weight of [[1]] is x itself.
TEST_P(ElementwiseKernel, ActivationsHaveTheBitsOfAProductsEpilogue) {
  const std::vector<float> x = arguments(Function::exp, 500);
  const GemmF32& gemm = gemm_f32(GetParam());
  alignas(64) std::array<float, 64> packed{};
  const float one = 1;
  gemm.pack(&one, 1, 1, {0, 1}, packed.data());
  for (int index = 1; index < kNumActivations; ++index) {
    const auto activation = static_cast<Activation>(index);
    SCOPED_TRACE(to_string(activation));
    std::vector<float> fused(x.size()), y(x.size());
    GemmF32Problem problem{.m = std::ssize(x), .n = 1, .k = 1};
    problem.a = x.data();
    problem.a_stride = 1;
    problem.packed = packed.data();
    problem.c = fused.data();
    problem.c_stride = 1;
    problem.activation = activation;
    gemm.multiply(problem, {0, std::ssize(x)}, {0, 1});
    kernel().evaluate({function_of(activation), static_cast<float>(kLeakySlope)}, x.data(),
                      y.data(), std::ssize(x));
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], fused[i]) << x[i];
  }
}

TEST_P(ElementwiseKernel, TheEndsOfTheRangeAreDefined) {
  EXPECT_EQ(evaluate(Function::exp, -1000), 0);
  EXPECT_EQ(evaluate(Function::exp, 1000), kInfinity);
  EXPECT_EQ(evaluate(Function::log, 0), -kInfinity);
  EXPECT_EQ(evaluate(Function::log, 1), 0);
  EXPECT_EQ(evaluate(Function::log, kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(evaluate(Function::log, -1)));
  EXPECT_TRUE(std::isnan(evaluate(Function::sqrt, -1)));
  EXPECT_EQ(evaluate(Function::tanh, 100), 1);
  EXPECT_EQ(evaluate(Function::tanh, -100), -1);
  EXPECT_EQ(evaluate(Function::sigmoid, -200), 0);
  EXPECT_EQ(evaluate(Function::softplus, 1000), 1000);
  EXPECT_EQ(evaluate(Function::softplus, -1000), 0);
  EXPECT_EQ(evaluate(Function::elu, -1000, 2), -2);
  EXPECT_EQ(evaluate(Function::gelu, 50), 50);
  EXPECT_EQ(evaluate(Function::gelu, -50), 0);
  EXPECT_EQ(evaluate(Function::gelu_10, 50), 10);
  EXPECT_EQ(evaluate(Function::gelu_10, kInfinity), 10);
  EXPECT_EQ(evaluate(Function::mish, 1e30f), 1e30f);
  EXPECT_EQ(evaluate(Function::mish, -200), 0);
  EXPECT_EQ(evaluate(Function::relu6, 1000), 6);
  EXPECT_EQ(evaluate(Function::hardswish, -1000), 0);
  EXPECT_NEAR(evaluate(Function::hardswish, 1000), 1000, 1e-3);
  EXPECT_EQ(evaluate(Function::laplace, 1000), 1);
  EXPECT_EQ(evaluate(Function::laplace, -1000), 0);
}

TEST_P(ElementwiseKernel, ANanStaysNanAndInItsPlace) {
  for (const FunctionRun run : all_functions()) {
    SCOPED_TRACE(static_cast<int>(run.function));
    const std::array<float, 3> x = {0.5f, kNan, 0.25f};
    std::array<float, 3> y{};
    kernel().evaluate(run, x.data(), y.data(), 3);
    EXPECT_TRUE(std::isfinite(y[0]));
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_TRUE(std::isfinite(y[2]));
  }
}

}  // namespace
}  // namespace nopad::kernels
