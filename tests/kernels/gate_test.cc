#include "kernels/gate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "bf16_values.h"
#include "isas.h"
#include "kernels/elementwise.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

class Gate : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Gate, testing::ValuesIn(test::vector_isas()), test::isa_name);

TEST_P(Gate, EqualsTheReferenceForEveryActivationAndWidth) {
  test::Random random(1);
  constexpr int64_t kRows = 3;
  for (int i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    for (const int64_t width : {1, 3, 8, 15, 16, 17, 33, 100}) {
      std::vector<float> x(static_cast<size_t>(kRows * 2 * width)), y(x.size() / 2), expected = y;
      for (float& value : x) value = random.real(-6, 6);
      gate_rows<float>(GetParam())(activation, x.data(), y.data(), width, kRows);
      ref::gate(activation, x.data(), expected.data(), width, kRows);
      test::expect_close(y, expected, {4e-6, 1e-5});

      const std::vector<BFloat16> half(x.begin(), x.end());
      const std::vector<float> wide = test::to_floats(half);
      std::vector<BFloat16> rounded(y.size());
      gate_rows<BFloat16>(GetParam())(activation, half.data(), rounded.data(), width, kRows);
      ref::gate(activation, wide.data(), expected.data(), width, kRows);
      test::expect_close(test::to_floats(rounded), expected, {5e-6, 1.0 / 255});
    }
  }
}

TEST_P(Gate, ByAOneItHasTheBitsOfTheActivation) {
  test::Random random(2);
  std::vector<float> x(2 * 37, 1.0f), y(37), expected(37);
  for (size_t i = 0; i < 37; ++i) x[i] = random.real(-6, 6);
  gate_rows<float>(GetParam())(Activation::gelu, x.data(), y.data(), 37, 1);
  elementwise_f32(GetParam()).evaluate({Function::gelu}, x.data(), expected.data(), 37);
  EXPECT_EQ(y, expected);
}

TEST_P(Gate, ANanReachesItsOwnResultOnly) {
  test::Random random(3);
  std::vector<float> x(2 * 2 * 21), clean(2 * 21), poisoned(2 * 21);
  for (float& value : x) value = random.real(-3, 3);
  const auto gate = gate_rows<float>(GetParam());
  gate(Activation::silu, x.data(), clean.data(), 21, 2);
  x[20] = x[42 + 21 + 5] = std::numeric_limits<float>::quiet_NaN();
  gate(Activation::silu, x.data(), poisoned.data(), 21, 2);
  for (size_t i = 0; i < clean.size(); ++i) {
    if (i == 20 || i == 21 + 5) {
      EXPECT_TRUE(std::isnan(poisoned[i])) << i;
    } else {
      EXPECT_EQ(poisoned[i], clean[i]) << i;
    }
  }
}

}  // namespace
}  // namespace nopad::kernels
