#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/core/execution.h"
#include "nopad/ops/attention.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr int64_t kHeads = 2, kWidth = 6;

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

RaggedTensor segments_of(test::Random& random, const RaggedLayout& layout) {
  Tensor ids = Tensor::empty({layout.num_tokens()}, DType::i64);
  for (int64_t& id : ids.mutable_values<int64_t>()) id = random.integer(0, 1);
  return {ids, layout};
}

std::vector<AttentionPattern> all_patterns(test::Random& random, const RaggedLayout& queries,
                                           const RaggedLayout& keys) {
  const auto segments =
      AttentionPattern::segments(segments_of(random, queries), segments_of(random, keys));
  const auto visible = AttentionPattern::visible(
      random.coins({queries.padded_width(), keys.padded_width()}), queries, keys);
  return {AttentionPattern::full(),
          AttentionPattern::causal(),
          AttentionPattern::window(1, 2),
          segments,
          visible,
          segments & visible & AttentionPattern::causal()};
}

TEST(AttentionGradient, EqualsCentralDifferences) {
  test::Random random(1);
  const auto queries = layout_of({3, 0, 1, 4});
  const auto keys = layout_of({2, 3, 0, 5});
  const auto random_f64 = [&](const RaggedLayout& layout) {
    return random.tensor({layout.num_tokens(), kWidth}, -2, 2).to(DType::f64);
  };
  for (const AttentionPattern& pattern : all_patterns(random, queries, keys)) {
    for (const double rate : {0.0, 0.3}) {
      const AttentionConfig config{
          .num_heads = kHeads, .pattern = pattern, .dropout = {.rate = rate}};
      test::expect_gradients(
          [&](std::span<const Tensor> in) {
            return attention({in[0], queries}, {in[1], keys}, {in[2], keys}, config).values();
          },
          {random_f64(queries), random_f64(keys), random_f64(keys)});
    }
  }
}

TEST(AttentionGradient, SelfAttentionEqualsCentralDifferences) {
  test::Random random(2);
  const auto layout = layout_of({3, 0, 1, 5});
  for (const AttentionPattern& pattern : all_patterns(random, layout, layout)) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          const AttentionConfig config{.num_heads = kHeads, .pattern = pattern, .scale = 0.3};
          return self_attention({in[0], layout}, config).values();
        },
        {random.tensor({9, 3 * kWidth}, -2, 2).to(DType::f64)});
  }
}

// The gradient of qkv for a given one of the result.
Tensor gradient_of(const RaggedTensor& qkv, const AttentionConfig& config, const Tensor& d_out) {
  Tensor leaf = autograd::detach(qkv.values());
  autograd::require_grad(leaf);
  const RaggedTensor out = self_attention(qkv.with_values(leaf), config);
  return autograd::backward(out.values(), d_out).of(leaf);
}

TEST(AttentionGradient, InF32IsThatInF64) {
  test::Random random(3);
  const auto layout = layout_of({0, 1, 31, 33, 97, 260});
  const RaggedTensor qkv(random.tensor({layout.num_tokens(), 3 * 64}), layout);
  const Tensor d_out = random.tensor({layout.num_tokens(), 64});
  for (const AttentionPattern& pattern : all_patterns(random, layout, layout)) {
    const AttentionConfig config{.num_heads = kHeads, .pattern = pattern, .dropout = {.rate = 0.2}};
    const Tensor wide =
        gradient_of(qkv.with_values(qkv.values().to(DType::f64)), config, d_out.to(DType::f64));
    test::expect_close(gradient_of(qkv, config, d_out), wide, {1e-5, 1e-5});
  }
}

TEST(AttentionGradient, HasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(4);
  const Execution three({.num_threads = 3});
  const auto layout = layout_of({5, 0, 300, 1, 97});
  const RaggedTensor qkv(random.tensor({layout.num_tokens(), 3 * 32}), layout);
  const Tensor d_out = random.tensor({layout.num_tokens(), 32});
  const AttentionConfig config{.num_heads = kHeads, .pattern = AttentionPattern::causal()};
  const Tensor batch = gradient_of(qkv, config, d_out);
  {
    const ExecutionScope scope(three);
    test::expect_same_bits(gradient_of(qkv, config, d_out), batch);
  }
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    const int64_t begin = layout.offset(b), end = layout.offset(b + 1);
    const RaggedTensor alone(qkv.values().rows(begin, end), layout_of({end - begin}));
    test::expect_same_bits(gradient_of(alone, config, d_out.rows(begin, end)),
                           batch.rows(begin, end));
  }
}

TEST(AttentionGradient, ANeighboursNanReachesNobodyElse) {
  test::Random random(5);
  const auto layout = layout_of({20, 7, 20});
  const RaggedTensor qkv(random.tensor({47, 3 * 32}), layout);
  const Tensor d_out = random.tensor({47, 32});
  const Tensor clean = gradient_of(qkv, {.num_heads = kHeads}, d_out);
  Tensor middle = qkv.sequence(1);
  std::ranges::fill(middle.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
  const Tensor poisoned = gradient_of(qkv, {.num_heads = kHeads}, d_out);
  test::expect_same_bits(poisoned.rows(0, 20), clean.rows(0, 20));
  test::expect_same_bits(poisoned.rows(27, 47), clean.rows(27, 47));
}

TEST(AttentionGradient, ANanInAHiddenTokenReachesNobodyElse) {
  test::Random random(6);
  const auto layout = layout_of({40});
  const RaggedTensor qkv(random.tensor({40, 3 * 32}), layout);
  Tensor d_out = random.tensor({40, 32});
  Tensor ids = Tensor::zeros({40}, DType::i64);
  ids.mutable_values<int64_t>()[17] = 1;
  const AttentionConfig config{.num_heads = kHeads,
                               .pattern = AttentionPattern::segments({ids, layout})};
  const Tensor clean = gradient_of(qkv, config, d_out);
  for (Tensor operand : {qkv.values(), d_out}) {
    Tensor row = operand.rows(17, 18);
    std::ranges::fill(row.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
    const Tensor poisoned = gradient_of(qkv, config, d_out);
    test::expect_same_bits(poisoned.rows(0, 17), clean.rows(0, 17));
    test::expect_same_bits(poisoned.rows(18, 40), clean.rows(18, 40));
  }
}

TEST(AttentionGradient, WhatMeetsNobodyGetsZeros) {
  test::Random random(7);
  const auto queries = layout_of({2, 0});
  const auto keys = layout_of({0, 3});
  Tensor q = random.tensor({2, kWidth});
  Tensor k = random.tensor({3, kWidth});
  Tensor v = random.tensor({3, kWidth});
  for (Tensor* leaf : {&q, &k, &v}) autograd::require_grad(*leaf);
  const RaggedTensor out = attention({q, queries}, {k, keys}, {v, keys}, {.num_heads = kHeads});
  const auto gradients = autograd::backward(out.values(), random.tensor({2, kWidth}));
  for (const Tensor& leaf : {q, k, v}) {
    EXPECT_TRUE(gradients.contains(leaf));
    for (const float value : gradients.of(leaf).values<float>()) EXPECT_EQ(value, 0);
  }
}

TEST(AttentionGradient, AnEmptyBatchHasAnEmptyGradient) {
  const RaggedTensor qkv(Tensor::zeros({0, 3 * kWidth}), layout_of({}));
  EXPECT_EQ(gradient_of(qkv, {.num_heads = kHeads}, Tensor::zeros({0, kWidth})).shape(),
            Shape({0, 3 * kWidth}));
}

TEST(AttentionGradient, ReachesOnlyTheOperandsThatNeedOne) {
  test::Random random(8);
  const auto layout = layout_of({4, 3});
  const auto input = [&] { return random.tensor({7, kWidth}); };
  const Tensor q = input(), k = input(), v = input(), d_out = input();
  std::array<Tensor, 3> all{q, k, v};
  for (Tensor& leaf : all) autograd::require_grad(leaf);
  const auto backward = [&](const std::array<Tensor, 3>& in) {
    const RaggedTensor out =
        attention({in[0], layout}, {in[1], layout}, {in[2], layout}, {.num_heads = kHeads});
    return autograd::backward(out.values(), d_out);
  };
  const auto expected = backward(all);
  for (size_t wanted = 0; wanted < 3; ++wanted) {
    std::array<Tensor, 3> some{q, k, v};
    autograd::require_grad(some[wanted]);
    test::expect_same_bits(backward(some).of(some[wanted]), expected.of(all[wanted]));
  }
}

TEST(AttentionGradient, OneTensorAsKeysAndValuesGetsBothGradients) {
  test::Random random(9);
  const auto queries = layout_of({3, 2});
  const auto keys = layout_of({2, 4});
  test::expect_gradients(
      [&](std::span<const Tensor> in) {
        const RaggedTensor memory(in[1], keys);
        return attention({in[0], queries}, memory, memory, {.num_heads = kHeads}).values();
      },
      {random.tensor({5, kWidth}).to(DType::f64), random.tensor({6, kWidth}).to(DType::f64)});
}

TEST(AttentionGradient, NothingIsRecordedWhereNobodyAsks) {
  const auto layout = layout_of({2});
  Tensor qkv = Tensor::zeros({2, 3 * kWidth});
  EXPECT_FALSE(autograd::needs_grad(self_attention({qkv, layout}, {}).values()));
  autograd::require_grad(qkv);
  EXPECT_TRUE(autograd::needs_grad(self_attention({qkv, layout}, {}).values()));
  const autograd::NoGradScope scope;
  EXPECT_FALSE(autograd::needs_grad(self_attention({qkv, layout}, {}).values()));
}

}  // namespace
}  // namespace nopad::ops
