#include "nopad/ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "kernels/attention.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr int64_t kHeads = 3, kHead = 8, kWidth = kHeads * kHead;

RaggedTensor random_ragged(test::Random& random, const RaggedLayout& layout, int64_t width) {
  return {random.tensor({layout.num_tokens(), width}), layout};
}

// Sequence by sequence and head by head, with the kernels' reference version.
Tensor plain_attention(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                       kernels::VisibleKeys visible) {
  Tensor out = Tensor::zeros(q.values().shape());
  for (int64_t b = 0; b < q.layout().num_sequences(); ++b) {
    for (int64_t head = 0; head < kHeads; ++head) {
      const int64_t query = q.layout().offset(b) * kWidth + head * kHead;
      const int64_t key = k.layout().offset(b) * kWidth + head * kHead;
      kernels::ref::attend({.num_queries = q.layout().length(b),
                            .num_keys = k.layout().length(b),
                            .head_size = kHead,
                            .q = q.values().values<float>().data() + query,
                            .k = k.values().values<float>().data() + key,
                            .v = v.values().values<float>().data() + key,
                            .out = out.mutable_values<float>().data() + query,
                            .q_stride = kWidth,
                            .k_stride = kWidth,
                            .v_stride = kWidth,
                            .out_stride = kWidth,
                            .scale = 1 / std::sqrt(static_cast<float>(kHead)),
                            .visible = visible});
    }
  }
  return out;
}

TEST(Attention, EqualsTheReferenceOnRandomRaggedBatches) {
  test::Random random(1);
  for (int round = 0; round < 20; ++round) {
    const auto queries = RaggedLayout::from_lengths(random.lengths(6, 120));
    const auto keys = RaggedLayout::from_lengths(random.lengths(6, 120));
    const RaggedTensor q = random_ragged(random, queries, kWidth);
    const RaggedTensor k = random_ragged(random, keys, kWidth);
    const RaggedTensor v = random_ragged(random, keys, kWidth);
    test::expect_close(attention(q, k, v, {.num_heads = kHeads}).values(),
                       plain_attention(q, k, v, {}), test::kF32);
    test::expect_close(
        attention(q, k, v, {.num_heads = kHeads, .pattern = AttentionPattern::causal()}).values(),
        plain_attention(q, k, v, {.after = 0}), test::kF32);
  }
}

TEST(Attention, SelfAttentionReadsQueriesKeysAndValuesSideBySide) {
  test::Random random(2);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{3, 0, 9});
  const RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  const auto part = [&](int64_t index) {
    Tensor out = Tensor::empty({12, kWidth});
    for (int64_t row = 0; row < 12; ++row) {
      std::copy_n(qkv.values().values<float>().data() + (row * 3 + index) * kWidth, kWidth,
                  out.mutable_values<float>().data() + row * kWidth);
    }
    return RaggedTensor(out, layout);
  };
  test::expect_same_bits(self_attention(qkv, {.num_heads = kHeads}).values(),
                         attention(part(0), part(1), part(2), {.num_heads = kHeads}).values());
}

TEST(Attention, ASequenceHasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(3);
  const Execution three({.num_threads = 3});
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{5, 0, 300, 1, 97, 96});
  const RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  for (const AttentionPattern& pattern :
       {AttentionPattern::full(), AttentionPattern::causal(), AttentionPattern::window(4, 2)}) {
    const AttentionConfig config{.num_heads = kHeads, .pattern = pattern};
    const RaggedTensor batch = self_attention(qkv, config);
    {
      const ExecutionScope scope(three);
      test::expect_same_bits(self_attention(qkv, config).values(), batch.values());
    }
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const RaggedTensor alone(qkv.sequence(b),
                               RaggedLayout::from_lengths(std::vector{layout.length(b)}));
      test::expect_same_bits(self_attention(alone, config).values(), batch.sequence(b));
    }
  }
}

TEST(Attention, ANeighboursNanReachesNobodyElse) {
  test::Random random(4);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{20, 7, 20});
  RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  const Tensor clean = self_attention(qkv, {.num_heads = kHeads}).values();
  Tensor poisoned_middle = qkv.sequence(1);
  std::ranges::fill(poisoned_middle.mutable_values<float>(),
                    std::numeric_limits<float>::quiet_NaN());
  const RaggedTensor out = self_attention(qkv, {.num_heads = kHeads});
  test::expect_same_bits(out.sequence(0), clean.rows(0, 20));
  test::expect_same_bits(out.sequence(2), clean.rows(27, 47));
  for (const float value : out.sequence(1).values<float>()) EXPECT_TRUE(std::isnan(value));
}

TEST(Attention, QueriesWithoutKeysGiveZeros) {
  const auto queries = RaggedLayout::from_lengths(std::vector<int64_t>{2, 3});
  const auto keys = RaggedLayout::from_lengths(std::vector<int64_t>{0, 1});
  test::Random random(5);
  const RaggedTensor q = random_ragged(random, queries, kWidth);
  const RaggedTensor k = random_ragged(random, keys, kWidth);
  const RaggedTensor out = attention(q, k, k, {.num_heads = kHeads});
  for (const float value : out.sequence(0).values<float>()) EXPECT_EQ(value, 0.0f);
  test::expect_close(out.sequence(1).rows(2, 3), k.values(), test::kF32);
}

TEST(Attention, NamesTheOperandThatDoesNotFit) {
  const auto layout = [](std::vector<int64_t> lengths) {
    return RaggedLayout::from_lengths(lengths);
  };
  const RaggedTensor q(Tensor::zeros({3, 8}), layout({1, 2}));
  const RaggedTensor k(Tensor::zeros({4, 8}), layout({1, 3}));
  test::expect_error<LayoutError>(
      [&] { attention(q, k, q, {.num_heads = 2}); },
      "attention: v: expected the keys' layout (B=2, T=4), got (B=2, T=3)");
  const RaggedTensor single(Tensor::zeros({4, 8}), layout({4}));
  test::expect_error<LayoutError>([&] { attention(q, single, single, {.num_heads = 2}); },
                                  "attention: k: expected 2 sequences as in q, got 1");
  test::expect_error<ShapeError>([&] { attention(q, k, k, {.num_heads = 3}); },
                                 "attention: num_heads: expected a divisor of the width 8, got 3");
  const RaggedTensor wide(Tensor::zeros({4, 9}), layout({1, 3}));
  test::expect_error<ShapeError>([&] { attention(q, k, wide, {.num_heads = 2}); },
                                 "attention: v: expected [4, 8], got [4, 9]");
  test::expect_error<ShapeError>([&] { self_attention(q, {.num_heads = 2}); },
                                 "attention: qkv: expected [T, 3 D], got [3, 8]");
}

}  // namespace
}  // namespace nopad::ops
