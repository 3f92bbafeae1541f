#include "kernels/amx/tile.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "bf16_values.h"
#include "random.h"

namespace nopad::kernels::amx {
namespace {

// The operands of one multiply_add, zeros unless set.
struct Operands {
  int64_t rows = kTileRows;
  BFloat16 left[kTileRows][kTileDepth] = {};
  BFloat16 right[kTileDepth / 2][2 * kTileColumns] = {};  // pairs along the depth
  float sums[kTileRows][kTileColumns] = {};

  void set_left(int64_t row, int64_t depth, float value) { left[row][depth] = BFloat16(value); }
  void set_right(int64_t depth, int64_t column, float value) {
    right[depth / 2][2 * column + depth % 2] = BFloat16(value);
  }
};

template <class Tiles>
void multiply_add(Operands& operands) {
  Tiles tiles{TileConfig(operands.rows)};
  tiles.template load<kSumTile>(operands.sums, kTileRowBytes);
  tiles.template load<kLeftTile>(operands.left, kTileRowBytes);
  tiles.template stream<kRightTile>(operands.right, kTileRowBytes);
  tiles.template multiply_add<kSumTile, kLeftTile, kRightTile>();
  tiles.template store<kSumTile>(operands.sums, kTileRowBytes);
}

// Copies `rows` rows by way of a tile, from rows `from_stride` bytes apart to rows `to_stride`
// apart.
template <class Tiles>
void copy(int64_t rows, const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  Tiles tiles{TileConfig(rows)};
  tiles.template clear<kSumTile + 1>();
  tiles.template load<kSumTile + 1>(from, from_stride);
  tiles.template store<kSumTile + 1>(to, to_stride);
}

struct Unit {
  std::string name;
  void (*multiply_add)(Operands& operands);
  void (*copy)(int64_t rows, const float* from, int64_t from_stride, float* to, int64_t to_stride);
};

std::vector<Unit> units() {
  std::vector<Unit> found = {{"emulated", multiply_add<EmulatedTiles>, copy<EmulatedTiles>}};
#if defined(__x86_64__)
  if (is_supported(Isa::amx)) {
    found.push_back({"hardware", multiply_add<HardwareTiles>, copy<HardwareTiles>});
  }
#endif
  return found;
}

class Tiles : public testing::TestWithParam<Unit> {
 protected:
  static float result_of(Operands operands) {
    GetParam().multiply_add(operands);
    return operands.sums[0][0];
  }
  // The sum of left[i] * right[i] in one element that holds `held` before.
  static float dot(const std::vector<float>& left, const std::vector<float>& right,
                   float held = 0) {
    Operands operands;
    for (size_t i = 0; i < left.size(); ++i) {
      operands.set_left(0, static_cast<int64_t>(i), left[i]);
      operands.set_right(static_cast<int64_t>(i), 0, right[i]);
    }
    operands.sums[0][0] = held;
    return result_of(operands);
  }
};
INSTANTIATE_TEST_SUITE_P(Units, Tiles, testing::ValuesIn(units()),
                         [](const auto& unit) { return unit.param.name; });

float two_to(int exponent) { return std::ldexp(1.0f, exponent); }

float flush(float x) { return std::abs(x) < two_to(-126) ? std::copysign(0.0f, x) : x; }

// The manual's operation of TDPBF16PS, as it stands there.
void multiply_add_by_the_manual(Operands& operands) {
  const auto make_fp32 = [](BFloat16 x) { return flush(static_cast<float>(x)); };
  for (int64_t m = 0; m < operands.rows; ++m) {
    float temp1[2 * kTileColumns] = {};
    for (int64_t k = 0; k < kTileDepth / 2; ++k) {
      for (int64_t n = 0; n < kTileColumns; ++n) {
        for (const int64_t odd : {0, 1}) {
          float& sum = temp1[2 * n + odd];
          sum = flush(std::fma(make_fp32(operands.left[m][2 * k + odd]),
                               make_fp32(operands.right[k][2 * n + odd]), sum));
        }
      }
    }
    for (int64_t n = 0; n < kTileColumns; ++n) {
      const float both = flush(temp1[2 * n] + temp1[2 * n + 1]);
      operands.sums[m][n] = flush(flush(operands.sums[m][n]) + both);
    }
  }
}

// Values within a few binary orders of each other, where rounding happens at every step.
Operands random_operands(test::Random& random, int64_t rows) {
  const auto value = [&] {
    return std::ldexp(random.real(), static_cast<int>(random.integer(-9, 9)));
  };
  Operands operands;
  operands.rows = rows;
  for (auto& row : operands.left) {
    for (BFloat16& x : row) x = BFloat16(value());
  }
  for (auto& row : operands.right) {
    for (BFloat16& x : row) x = BFloat16(value());
  }
  for (auto& row : operands.sums) {
    for (float& x : row) x = value();
  }
  return operands;
}

// Any bits at all, NaNs, infinities and denormals among them.
Operands random_bits(test::Random& random) {
  const auto any = [&] { return static_cast<uint32_t>(random.integer(0, 0xffffffff)); };
  Operands operands = random_operands(random, kTileRows);
  for (int64_t row = 0; row < kTileRows; ++row) {
    const auto column = static_cast<int64_t>(any() % kTileDepth);
    operands.left[row][column].bits = static_cast<uint16_t>(any());
    operands.right[row][column].bits = static_cast<uint16_t>(any());
    operands.sums[row][column / 2] = std::bit_cast<float>(any());
  }
  return operands;
}

void expect_same(const Operands& actual, const Operands& expected) {
  for (int64_t row = 0; row < actual.rows; ++row) {
    for (int64_t column = 0; column < kTileColumns; ++column) {
      const float a = actual.sums[row][column], e = expected.sums[row][column];
      if (std::isnan(a) && std::isnan(e)) continue;
      ASSERT_EQ(std::bit_cast<uint32_t>(a), std::bit_cast<uint32_t>(e)) << row << ", " << column;
    }
  }
}

TEST(TileUnits, ThoseTestedAreNamed) {
  std::cout << "tiles: hardware: " << (is_supported(Isa::amx) ? "ran" : "not on this machine")
            << "; emulated: ran\n";
  EXPECT_EQ(units().size(), is_supported(Isa::amx) ? 2u : 1u);
}

TEST_P(Tiles, MultiplyRowsByColumns) {
  Operands operands;
  operands.set_left(2, 0, 3);
  operands.set_left(2, 31, -2);
  operands.set_right(0, 5, 10);
  operands.set_right(31, 5, 0.5f);
  operands.sums[2][5] = 1;
  GetParam().multiply_add(operands);
  EXPECT_EQ(operands.sums[2][5], 30);
  operands.sums[2][5] = 0;
  for (const auto& row : operands.sums) {
    for (const float sum : row) EXPECT_EQ(sum, 0);
  }
}

TEST_P(Tiles, FirstAndSecondProductsOfPairsAreSummedApart) {
  // In order, 2^24 + 1 would round to 2^24 and the result be 1.
  EXPECT_EQ(dot({two_to(24), 1, -two_to(24), 1}, {1, 1, 1, 1}), 2);
}

TEST_P(Tiles, WhatTheTileHoldsIsAddedLast) {
  // In order, 2^24 + 1 would round to 2^24 twice.
  EXPECT_EQ(dot({1, 0, 1, 0}, {1, 0, 1, 0}, two_to(24)), two_to(24) + 2);
}

TEST_P(Tiles, SumsRoundToNearestEven) {
  EXPECT_EQ(dot({1, 0, two_to(-24)}, {1, 0, 1}), 1);
  EXPECT_EQ(dot({1, 0, two_to(-24) * 1.5f}, {1, 0, 1}), 1 + two_to(-23));
  EXPECT_EQ(dot({1, 0, two_to(-23), 0, two_to(-24)}, {1, 0, 1, 0, 1}), 1 + two_to(-22));
}

TEST_P(Tiles, DenormalOperandsAreZeros) {
  EXPECT_EQ(dot({two_to(-127)}, {two_to(100)}), 0);
  EXPECT_EQ(dot({two_to(100)}, {two_to(-133)}), 0);
  EXPECT_EQ(dot({0}, {0}, two_to(-127)), 0);
  EXPECT_EQ(dot({two_to(-126)}, {1}), two_to(-126));
}

TEST_P(Tiles, DenormalResultsAreZeros) {
  EXPECT_EQ(dot({two_to(-100)}, {two_to(-30)}), 0);
  // Each of the two is lost before they could add up to a normal number.
  EXPECT_EQ(dot({two_to(-64), two_to(-64)}, {two_to(-63), two_to(-63)}), 0);
  EXPECT_EQ(dot({-two_to(-126)}, {1}, two_to(-126) * 1.5f), 0);
}

TEST_P(Tiles, ProductsAreNotRoundedOrFlushedByThemselves) {
  EXPECT_EQ(dot({two_to(-126), 0, two_to(-64)}, {1, 0, two_to(-63)}), two_to(-126) * 1.5f);
  EXPECT_EQ(dot({-two_to(127), 0, two_to(64)}, {1, 0, two_to(64)}), two_to(127));
  EXPECT_EQ(dot({two_to(64)}, {two_to(64)}), INFINITY);
}

TEST_P(Tiles, ANanReachesOnlyItsRowAndItsColumn) {
  test::Random random(1);
  Operands operands = random_operands(random, kTileRows);
  operands.left[3][7] = test::kBf16Nan;
  operands.right[4][2 * 9 + 1] = test::kBf16Nan;
  GetParam().multiply_add(operands);
  for (int64_t row = 0; row < kTileRows; ++row) {
    for (int64_t column = 0; column < kTileColumns; ++column) {
      EXPECT_EQ(std::isnan(operands.sums[row][column]), row == 3 || column == 9);
    }
  }
}

TEST_P(Tiles, FollowTheManualToTheBit) {
  test::Random random(2);
  for (int round = 0; round < 200; ++round) {
    const Operands operands = random_operands(random, random.integer(1, kTileRows));
    Operands actual = operands, expected = operands;
    GetParam().multiply_add(actual);
    multiply_add_by_the_manual(expected);
    expect_same(actual, expected);
  }
}

TEST_P(Tiles, FollowTheManualOnAnyBits) {
  test::Random random(3);
  for (int round = 0; round < 200; ++round) {
    const Operands operands = random_bits(random);
    Operands actual = operands, expected = operands;
    GetParam().multiply_add(actual);
    multiply_add_by_the_manual(expected);
    expect_same(actual, expected);
  }
}

TEST_P(Tiles, AreCloseToTheProductInDouble) {
  test::Random random(4);
  const Operands operands = random_operands(random, kTileRows);
  Operands actual = operands;
  GetParam().multiply_add(actual);
  for (int64_t row = 0; row < kTileRows; ++row) {
    for (int64_t column = 0; column < kTileColumns; ++column) {
      const auto held = static_cast<double>(operands.sums[row][column]);
      double sum = held, magnitude = std::abs(held);
      for (int64_t i = 0; i < kTileDepth; ++i) {
        const double product =
            static_cast<double>(static_cast<float>(operands.left[row][i])) *
            static_cast<double>(static_cast<float>(operands.right[i / 2][2 * column + i % 2]));
        sum += product;
        magnitude += std::abs(product);
      }
      EXPECT_NEAR(static_cast<double>(actual.sums[row][column]), sum, magnitude * 18 * 0x1p-24);
    }
  }
}

TEST_P(Tiles, LoadAndStoreOnlyTheirRows) {
  for (int64_t rows = 1; rows <= kTileRows; ++rows) {
    // Of the size that is read and written, for the address sanitizer to see.
    const auto size = static_cast<size_t>((rows - 1) * 24 + kTileColumns);
    std::vector<float> from(size);
    for (size_t i = 0; i < size; ++i) from[i] = static_cast<float>(i);
    std::vector<float> to(static_cast<size_t>((rows - 1) * 20 + kTileColumns), -1.0f);
    GetParam().copy(rows, from.data(), 24 * sizeof(float), to.data(), 20 * sizeof(float));
    for (size_t i = 0; i < to.size(); ++i) {
      const size_t row = i / 20, column = i % 20;
      EXPECT_EQ(to[i], column < kTileColumns ? from[row * 24 + column] : -1.0f)
          << rows << ", " << i;
    }
  }
}

}  // namespace
}  // namespace nopad::kernels::amx
