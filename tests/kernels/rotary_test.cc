#include "kernels/rotary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bf16_values.h"
#include "isas.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

// Three heads and the angles of half of `rotary_size`.
struct Row {
  Row(test::Random& random, int64_t head_size_, int64_t rotary_size)
      : head_size(head_size_), num_pairs(rotary_size / 2) {
    for (int64_t i = 0; i < 3 * head_size; ++i) x.push_back(random.real(-2, 2));
    for (int64_t i = 0; i < num_pairs; ++i) {
      const float angle = random.real(-4, 4);
      cos.push_back(std::cos(angle));
      sin.push_back(std::sin(angle));
    }
  }

  template <class T>
  std::vector<T> rotated(RotateRow<T> rotate, const std::vector<T>& from, float direction) const {
    std::vector<T> out(from.size(), T(std::numeric_limits<float>::quiet_NaN()));
    rotate({from.data(), out.data(), cos.data(), sin.data(), 3, head_size, num_pairs, direction});
    return out;
  }

  int64_t head_size, num_pairs;
  std::vector<float> x, cos, sin;
};

class Rotary : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Rotary, testing::ValuesIn(test::vector_isas()), test::isa_name);

TEST_P(Rotary, AQuarterTurnSwapsAPair) {
  const std::vector<float> x = {1, 2, 3, 4, 5}, cos = {0, 1}, sin = {1, 0};
  std::vector<float> y(5);
  rotate_row<float>(GetParam())({x.data(), y.data(), cos.data(), sin.data(), 1, 5, 2});
  EXPECT_EQ(y, (std::vector<float>{-3, 2, 1, 4, 5}));
}

TEST_P(Rotary, EqualsTheReferenceForEveryHeadSizeInBothDirections) {
  test::Random random(1);
  for (const int64_t head_size : {1, 2, 3, 5, 8, 24, 33, 64, 80, 130}) {
    for (const int64_t rotary_size : {head_size / 2 * 2, head_size / 4 * 2}) {
      if (rotary_size == 0) continue;
      const Row row(random, head_size, rotary_size);
      const std::vector<BFloat16> half(row.x.begin(), row.x.end());
      const std::vector<float> wide = test::to_floats(half);
      for (const float direction : {1.0f, -1.0f}) {
        test::expect_close(row.rotated(rotate_row<float>(GetParam()), row.x, direction),
                           row.rotated<float>(ref::rotate<float>, row.x, direction), test::kF32);
        const auto rounded = row.rotated(rotate_row<BFloat16>(GetParam()), half, direction);
        test::expect_close(test::to_floats(rounded),
                           row.rotated<float>(ref::rotate<float>, wide, direction),
                           {1e-6, 1.0 / 256});
      }
    }
  }
}

TEST_P(Rotary, InPlaceItGivesTheSameBits) {
  test::Random random(2);
  for (const int64_t head_size : {3, 24, 64, 130}) {
    Row row(random, head_size, head_size / 2 * 2);
    const auto apart = row.rotated(rotate_row<float>(GetParam()), row.x, 1);
    rotate_row<float>(GetParam())(
        {row.x.data(), row.x.data(), row.cos.data(), row.sin.data(), 3, head_size, row.num_pairs});
    EXPECT_EQ(row.x, apart);
  }
}

TEST_P(Rotary, ANanStaysInItsPair) {
  test::Random random(3);
  Row row(random, 40, 38);
  const auto clean = row.rotated(rotate_row<float>(GetParam()), row.x, 1);
  row.x[40 + 7] = std::numeric_limits<float>::quiet_NaN();
  const auto poisoned = row.rotated(rotate_row<float>(GetParam()), row.x, 1);
  for (size_t i = 0; i < clean.size(); ++i) {
    if (i == 40 + 7 || i == 40 + 7 + 19) {
      EXPECT_TRUE(std::isnan(poisoned[i])) << i;
    } else {
      EXPECT_EQ(poisoned[i], clean[i]) << i;
    }
  }
}

}  // namespace
}  // namespace nopad::kernels
