#include "models/position_tables.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tolerance.h"

namespace nopad::models {
namespace {

// The edges of MPNet's buckets as PyTorch computes them.
TEST(BucketOf, NearDistancesStandAloneAndFarOnesInOctaves) {
  EXPECT_EQ(bucket_of(0), 0);
  for (int64_t d = 1; d < 8; ++d) {
    EXPECT_EQ(bucket_of(-d), d);
    EXPECT_EQ(bucket_of(d), 16 + d);
  }
  // The nearest distances of buckets 8 to 15; the last has no end.
  constexpr std::array<int64_t, 8> kNearest = {8, 12, 16, 23, 32, 46, 64, 91};
  for (size_t i = 0; i < kNearest.size(); ++i) {
    const auto bucket = static_cast<int64_t>(8 + i);
    EXPECT_EQ(bucket_of(-kNearest[i]), bucket);
    EXPECT_EQ(bucket_of(kNearest[i]), 16 + bucket);
    EXPECT_EQ(bucket_of(1 - kNearest[i]), bucket - 1);
  }
  EXPECT_EQ(bucket_of(-1'000'000), 15);
  EXPECT_EQ(bucket_of(1'000'000), 31);
}

TEST(SpreadBuckets, GivesEachHeadAColumnForEachDistance) {
  std::vector<float> table;  // [32, 2]: bucket, and 100 + bucket
  for (int bucket = 0; bucket < 32; ++bucket) {
    table.push_back(static_cast<float>(bucket));
    table.push_back(static_cast<float>(100 + bucket));
  }
  const Tensor spread = spread_buckets(Tensor::from_values<float>(table, {32, 2}), 3);
  const std::array<float, 10> expected = {2, 1, 0, 17, 18, 102, 101, 100, 117, 118};
  test::expect_same_bits(spread, Tensor::from_values<float>(expected, {2, 5}));
}

TEST(ReverseRows, TurnsQueryLessKeyIntoKeyLessQuery) {
  const std::array<float, 6> rows = {1, 2, 3, 4, 5, 6}, reversed = {10, 12, 6, 8, 2, 4};
  test::expect_same_bits(reverse_rows(Tensor::from_values<float>(rows, {3, 2}), 2),
                         Tensor::from_values<float>(reversed, {3, 2}));
}

void expect_frequencies(const RotaryConfig& config, const std::array<float, 2>& expected) {
  const std::vector<float> got = inverse_frequencies(config, 4);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-7f * expected[i]);
}

TEST(InverseFrequencies, AreStretchedAsTheConfigSays) {
  expect_frequencies({.theta = 100}, {1, 0.1f});
  expect_frequencies({.theta = 100, .scaling = RotaryScaling::linear, .factor = 4},
                     {0.25f, 0.025f});
  // theta 400, and both by 4^(2/4).
  expect_frequencies({.theta = 100, .scaling = RotaryScaling::ntk, .factor = 4}, {0.5f, 0.025f});
  // theta 100, and frequency i by exp(ln 4 (i / 2)^1): 2 and 4.
  expect_frequencies({.theta = 100, .scaling = RotaryScaling::ntk, .factor = 4, .mixed_b = 1},
                     {0.5f, 0.025f});
}

}  // namespace
}  // namespace nopad::models
