#include "nopad/ops/operators.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "gradients.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad {
namespace {

Tensor pair_of(float first, float second) {
  return Tensor::from_values<float>(std::array{first, second}, {2});
}

TEST(Operators, TensorsAndNumbersReadAsArithmetic) {
  const Tensor a = pair_of(2, 4), b = pair_of(1, 8);
  test::expect_same_bits(a + b, pair_of(3, 12));
  test::expect_same_bits(a - b, pair_of(1, -4));
  test::expect_same_bits(a * b, pair_of(2, 32));
  test::expect_same_bits(a / b, pair_of(2, 0.5f));
  test::expect_same_bits(-a, pair_of(-2, -4));
  test::expect_same_bits(1 - a / 2, pair_of(0, -1));
  test::expect_same_bits(2 * a + 1.0, pair_of(5, 9));
  test::expect_same_bits(8.0f / a, pair_of(4, 2));
}

TEST(Operators, ARaggedOperandKeepsItsLayout) {
  const RaggedTensor x(pair_of(2, 4), RaggedLayout::from_lengths(std::vector<int64_t>{1, 0, 1}));
  const RaggedTensor y = (x + x) * 3 - x / 2 + (-x);
  test::expect_same_bits(y.values(), pair_of(9, 18));
  EXPECT_TRUE(y.layout() == x.layout());
  const RaggedTensor wide(test::Random(1).tensor({2, 3}), x.layout());
  const Tensor gain = test::Random(2).tensor({3});
  test::expect_same_bits((gain * wide).values(), ops::multiply(gain, wide.values()));
  test::expect_same_bits((wide - gain).values(), ops::subtract(wide.values(), gain));
}

// x + f(x) loses its mask in Keras; here it can't.
TEST(Operators, AResidualIsBatchInvariant) {
  test::Random random(3);
  const auto layout = RaggedLayout::from_lengths(random.lengths(9, 40));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 9}), layout);
  const Tensor gain = random.tensor({9});
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return batch + batch * gain / 3; }, x);
}

TEST(Operators, GradientsPass) {
  test::Random random(4);
  test::expect_gradients(
      [](auto in) { return 1 / (in[0] * in[1] + 2.0) - in[0]; },
      {random.tensor({3, 4}, 0, 1).to(DType::f64), random.tensor({4}, 0, 1).to(DType::f64)});
}

}  // namespace
}  // namespace nopad
