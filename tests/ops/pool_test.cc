#include "nopad/ops/pool.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr std::array kAllPoolings = {Pooling::cls,           Pooling::max,
                                     Pooling::mean,          Pooling::mean_sqrt_length,
                                     Pooling::weighted_mean, Pooling::last_token};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Sequences [1, 4, 7] and [] and [-2], one component.
RaggedTensor small_batch() {
  return {Tensor::from_values<float>(std::array{1.0f, 4.0f, 7.0f, -2.0f}, {4, 1}),
          RaggedLayout::from_lengths(std::vector<int64_t>{3, 0, 1})};
}

TEST(Pool, GivesWhatEachNameSays) {
  const auto expect = [](Pooling pooling, float first, float last) {
    const Tensor out = pool(small_batch(), pooling);
    test::expect_close(out.values<float>(), std::array{first, 0.0f, last}, test::kF32);
  };
  expect(Pooling::cls, 1, -2);
  expect(Pooling::max, 7, -2);
  expect(Pooling::mean, 4, -2);
  expect(Pooling::mean_sqrt_length, 12 / std::sqrt(3.0f), -2);
  expect(Pooling::weighted_mean, (1 + 2 * 4 + 3 * 7) / 6.0f, -2);
  expect(Pooling::last_token, 7, -2);
}

TEST(Pool, TokensThatTakeNoPartDoNotMatter) {
  test::Random random(1);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{4, 3});
  Tensor values = random.tensor({7, 5});
  const std::array<bool, 7> keep = {false, true, true, false, false, false, true};
  const auto mask = TokenMask::from_tensor(layout, Tensor::from_values<bool>(keep, {7}));
  std::vector<Tensor> clean;
  for (const Pooling pooling : kAllPoolings) clean.push_back(pool({values, layout}, pooling, mask));
  for (int64_t token = 0; token < 7; ++token) {
    if (keep[static_cast<size_t>(token)]) continue;
    for (float& value : values.rows(token, token + 1).mutable_values<float>()) value = kNan;
  }
  for (size_t i = 0; i < kAllPoolings.size(); ++i) {
    test::expect_same_bits(pool({values, layout}, kAllPoolings[i], mask), clean[i]);
  }
}

TEST(Pool, NothingKeptGivesZerosNotNan) {
  const RaggedTensor x(Tensor::from_values<float>(std::array{kNan, kNan}, {2, 1}),
                       RaggedLayout::from_lengths(std::vector<int64_t>{2, 0}));
  for (const Pooling pooling : kAllPoolings) {
    const Tensor out = pool(x, pooling, TokenMask::none(x.layout()));
    for (const float value : out.values<float>()) EXPECT_EQ(value, 0.0f) << to_string(pooling);
  }
}

TEST(Pool, ASequenceHasTheSameBitsAlone) {
  test::Random random(2);
  const auto layout = RaggedLayout::from_lengths(random.lengths(9, 40));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 19}), layout);
  for (const Pooling pooling : kAllPoolings) {
    const Tensor batch = pool(x, pooling);
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const RaggedTensor alone(x.sequence(b),
                               RaggedLayout::from_lengths(std::vector{layout.length(b)}));
      test::expect_same_bits(pool(alone, pooling), batch.rows(b, b + 1));
    }
  }
}

TEST(Pool, ANanInTheMaximumShows) {
  const RaggedTensor x(Tensor::from_values<float>(std::array{1.0f, kNan, 3.0f}, {3, 1}),
                       RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  EXPECT_TRUE(std::isnan(pool(x, Pooling::max).values<float>()[0]));
}

TEST(Pool, GradientsEqualCentralDifferences) {
  test::Random random(3);
  const auto layout = RaggedLayout::from_lengths(random.lengths(6, 20));
  const auto keep = TokenMask::from_tensor(layout, random.coins({layout.num_tokens()}));
  const Tensor x = random.tensor({layout.num_tokens(), 3}).to(DType::f64);
  for (const Pooling pooling : kAllPoolings) {
    SCOPED_TRACE(to_string(pooling));
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return pool({in[0], layout}, pooling, keep);
        },
        {x});
  }
}

TEST(Pool, RefusesAMaskOverAnotherLayout) {
  const auto other = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  EXPECT_THROW(pool(small_batch(), Pooling::mean, other), LayoutError);
}

TEST(L2Normalize, GivesRowsOfLengthOneAndKeepsZeros) {
  const Tensor out =
      l2_normalize(Tensor::from_values<float>(std::array{3.0f, 4.0f, 0.0f, 0.0f}, {2, 2}));
  test::expect_close(out.values<float>(), std::array{0.6f, 0.8f, 0.0f, 0.0f}, test::kF32);
}

TEST(L2Normalize, GradientsEqualCentralDifferences) {
  // The last row is shorter than eps: it is scaled, and no longer normalised.
  Tensor x = test::Random(4).tensor({3, 5}).to(DType::f64);
  for (double& value : x.rows(2, 3).mutable_values<double>()) value *= 0.01;
  test::expect_gradients([](std::span<const Tensor> in) { return l2_normalize(in[0], 0.1f); }, {x});
}

}  // namespace
}  // namespace nopad::ops
