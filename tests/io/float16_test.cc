#include "io/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace nopad::io {
namespace {

TEST(FloatFromHalf, HandComputedValues) {
  EXPECT_EQ(float_from_half(0x0000), 0.0f);
  EXPECT_TRUE(std::signbit(float_from_half(0x8000)));
  EXPECT_EQ(float_from_half(0x3c00), 1.0f);
  EXPECT_EQ(float_from_half(0xc000), -2.0f);
  EXPECT_EQ(float_from_half(0x3555), 0.333251953125f);
  EXPECT_EQ(float_from_half(0x7bff), 65504.0f);
  EXPECT_EQ(float_from_half(0x0400), 0x1p-14f);
  EXPECT_EQ(float_from_half(0x0001), 0x1p-24f);
  EXPECT_EQ(float_from_half(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(float_from_half(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(float_from_half(0x7c01)));
}

TEST(FloatFromHalf, EveryFiniteValueIsItsDefinition) {
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    const int exponent = static_cast<int>(half >> 10);
    const double fraction = half & 0x3ff;
    const double expected =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    ASSERT_EQ(static_cast<double>(float_from_half(static_cast<uint16_t>(half))), expected) << half;
    ASSERT_EQ(static_cast<double>(float_from_half(static_cast<uint16_t>(half | 0x8000))),
              -expected);
  }
}

}  // namespace
}  // namespace nopad::io
