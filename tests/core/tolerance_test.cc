#include "tolerance.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(IsClose, AllowsTheAbsolutePlusTheRelativeError) {
  EXPECT_TRUE(is_close(100.19, 100, {0.1, 1e-3}));
  EXPECT_FALSE(is_close(100.21, 100, {0.1, 1e-3}));
  EXPECT_TRUE(is_close(-1, -1, kExact));
  EXPECT_FALSE(is_close(1, -1, kF32));
}

TEST(IsClose, ANanIsCloseToNothingAndInfinityToItselfOnly) {
  EXPECT_FALSE(is_close(kNan, kNan, kF32));
  EXPECT_FALSE(is_close(0, kNan, kF32));
  EXPECT_FALSE(is_close(kNan, 0, kF32));
  EXPECT_TRUE(is_close(kInf, kInf, kExact));
  EXPECT_FALSE(is_close(-kInf, kInf, kF32));
  EXPECT_FALSE(is_close(1, kInf, kF32));
}

TEST(ExpectClose, NamesTheFirstBadElementAndCountsThem) {
  EXPECT_NONFATAL_FAILURE(
      expect_close(std::vector<float>{1, 2.5f, 3, 9}, std::vector<float>{1, 2, 3, 4}, kF32),
      "element 1: expected 2, got 2.5; 2 of 4 differ, by up to 5");
}

TEST(ExpectClose, ComparesSizesAndShapesFirst) {
  EXPECT_NONFATAL_FAILURE(expect_close(std::vector<float>{1}, std::vector<float>{}, kF32),
                          "expected 0 elements, got 1");
  EXPECT_NONFATAL_FAILURE(expect_close(Tensor::zeros({2, 3}), Tensor::zeros({3, 2}), kF32),
                          "expected shape [3, 2], got [2, 3]");
}

TEST(ExpectClose, ComparesTensorsOfDifferentDtypesByValue) {
  expect_close(Tensor::zeros({3}, DType::bf16), Tensor::zeros({3}, DType::f32), kExact);
}

TEST(ExpectSameBits, SeesWhatEqualValuesHide) {
  Tensor minus_zero = Tensor::zeros({2});
  minus_zero.mutable_values<float>()[1] = -0.0f;
  EXPECT_NONFATAL_FAILURE(expect_same_bits(minus_zero, Tensor::zeros({2})),
                          "the bits differ first at element 1 of [2]");
  EXPECT_NONFATAL_FAILURE(expect_same_bits(Tensor::zeros({2}), Tensor::zeros({2}, DType::i32)),
                          "expected i32 [2], got f32 [2]");
}

TEST(ExpectError, WantsTheExactTypeAndMessage) {
  EXPECT_NONFATAL_FAILURE(expect_error<ShapeError>([] {}, "x"), "expected an exception");
  EXPECT_NONFATAL_FAILURE(expect_error<ShapeError>([] { fail<ShapeError>("xy"); }, "x"),
                          "expected the message");
  EXPECT_NONFATAL_FAILURE(expect_error<Error>([] { fail<ShapeError>("x"); }, "x"),
                          "expected another type");
}

TEST(Random, TheSameSeedGivesTheSameValuesEverywhere) {
  Random random(7);
  EXPECT_EQ(random.integer(0, 999), 15);
  EXPECT_EQ(random.real(), -1 + 2 * (15926631.0f / (1 << 24)));
}

TEST(Random, StaysInItsRange) {
  Random random(8);
  for (int i = 0; i < 10'000; ++i) {
    const int64_t integer = random.integer(-3, 3);
    EXPECT_TRUE(-3 <= integer && integer <= 3);
    const float real = random.real(2, 5);
    EXPECT_TRUE(2 <= real && real <= 5);
  }
  for (const int64_t length : random.lengths(1000, 20)) EXPECT_TRUE(0 <= length && length <= 20);
}

}  // namespace
}  // namespace nopad::test
