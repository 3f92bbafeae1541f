#include "nopad/core/bfloat16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "random.h"

namespace nopad {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

BFloat16 from_bits(uint32_t bits) {
  BFloat16 value;
  value.bits = static_cast<uint16_t>(bits);
  return value;
}

// Nearest even by the definition: of the two neighbours the closer one, on a tie the even one.
uint16_t nearest_even(float value) {
  const auto word = std::bit_cast<uint32_t>(value);
  const auto below = static_cast<uint16_t>(word >> 16);  // towards zero
  const auto above =
      static_cast<uint16_t>(below + 1);  // away from it; beyond the largest, infinity
  const uint32_t rest = word & 0xffffu;
  if (rest != 0x8000u) return rest < 0x8000u ? below : above;
  return below % 2 == 0 ? below : above;
}

TEST(BFloat16, EveryBitPatternSurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto value = static_cast<float>(from_bits(bits));
    const BFloat16 back(value);
    if (std::isnan(value)) {
      // A signalling NaN comes back quiet, with its sign.
      EXPECT_EQ(back.bits, bits | 0x40u);
    } else {
      ASSERT_EQ(back.bits, bits);
    }
  }
}

TEST(BFloat16, WidensToTheUpperHalfOfAFloat) {
  EXPECT_EQ(static_cast<float>(from_bits(0x3f80)), 1.0f);
  EXPECT_EQ(static_cast<float>(from_bits(0xc020)), -2.5f);
  EXPECT_EQ(static_cast<float>(from_bits(0x7f80)), kInf);
  EXPECT_EQ(static_cast<float>(from_bits(0x0001)), std::ldexp(1.0f, -133));
}

TEST(BFloat16, TiesGoToEven) {
  EXPECT_EQ(BFloat16(1.0f + std::ldexp(1.0f, -8)).bits, 0x3f80);  // between 0x3f80 and 0x3f81
  EXPECT_EQ(BFloat16(1.0f + std::ldexp(3.0f, -8)).bits, 0x3f82);  // between 0x3f81 and 0x3f82
  EXPECT_EQ(BFloat16(std::nextafter(1.0f + std::ldexp(1.0f, -8), 2.0f)).bits, 0x3f81);
}

TEST(BFloat16, RoundsEveryTieAndItsNeighboursToNearestEven) {
  for (uint32_t upper = 0; upper < 0x10000u; ++upper) {
    if ((upper & 0x7f80u) == 0x7f80u) continue;  // infinities and NaNs
    for (const uint32_t lower : {0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const auto value = std::bit_cast<float>(upper << 16 | lower);
      ASSERT_EQ(BFloat16(value).bits, nearest_even(value)) << value;
    }
  }
}

TEST(BFloat16, RoundsRandomFloatsToNearestEven) {
  test::Random random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto word = static_cast<uint32_t>(random.integer(0, 0xffffffff));
    const auto value = std::bit_cast<float>(word);
    if (std::isnan(value)) continue;
    ASSERT_EQ(BFloat16(value).bits, nearest_even(value)) << value;
  }
}

TEST(BFloat16, TooLargeBecomesInfinity) {
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(BFloat16(-std::numeric_limits<float>::max()).bits, 0xff80);
}

TEST(BFloat16, ANanStaysANanWhateverItsPayload) {
  for (const uint32_t word : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    const BFloat16 value(std::bit_cast<float>(word));
    EXPECT_TRUE(std::isnan(static_cast<float>(value)));
    EXPECT_EQ(value.bits >> 15, word >> 31);
  }
}

TEST(BFloat16, ComparesByValue) {
  EXPECT_EQ(BFloat16(0.0f), BFloat16(-0.0f));
  EXPECT_NE(BFloat16(1.0f), BFloat16(2.0f));
  EXPECT_FALSE(BFloat16(NAN) == BFloat16(NAN));
}

}  // namespace
}  // namespace nopad
