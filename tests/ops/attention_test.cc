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
      kernels::ref::attend<float>({.num_queries = q.layout().length(b),
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

// Cell by cell, with the pattern as a matrix.
Tensor by_definition(const RaggedTensor& q, const RaggedTensor& k, const RaggedTensor& v,
                     const AttentionPattern& pattern) {
  const Tensor may_attend = pattern.materialize(q.layout(), k.layout());
  const int64_t rows = q.layout().padded_width(), columns = k.layout().padded_width();
  Tensor out = Tensor::zeros(q.values().shape());
  for (int64_t b = 0; b < q.layout().num_sequences(); ++b) {
    for (int64_t i = 0; i < q.layout().length(b); ++i) {
      const bool* const sees = may_attend.values<bool>().data() + (b * rows + i) * columns;
      for (int64_t head = 0; head < kHeads; ++head) {
        const auto at = [&](const RaggedTensor& x, int64_t token, int64_t c) {
          return static_cast<double>(
              x.sequence(b)
                  .values<float>()[static_cast<size_t>(token * kWidth + head * kHead + c)]);
        };
        double total = 0;
        std::vector<double> sums(kHead);
        for (int64_t j = 0; j < k.layout().length(b); ++j) {
          if (!sees[j]) continue;
          double score = 0;
          for (int64_t c = 0; c < kHead; ++c) score += at(q, i, c) * at(k, j, c);
          const double weight = std::exp(score / std::sqrt(static_cast<double>(kHead)));
          total += weight;
          for (int64_t c = 0; c < kHead; ++c) sums[static_cast<size_t>(c)] += weight * at(v, j, c);
        }
        if (total == 0) continue;
        const int64_t token = q.layout().offset(b) + i;
        for (int64_t c = 0; c < kHead; ++c) {
          out.mutable_values<float>()[static_cast<size_t>(token * kWidth + head * kHead + c)] =
              static_cast<float>(sums[static_cast<size_t>(c)] / total);
        }
      }
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

TEST(Attention, ThreeTokensByHand) {
  // Scores are 0, so that weights are equal among the visible keys.
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{3});
  const RaggedTensor zeros(Tensor::zeros({3, 1}), layout);
  const RaggedTensor v(Tensor::from_values<float>(std::vector{1.0f, 2.0f, 6.0f}, {3, 1}), layout);
  const auto with = [&](const AttentionPattern& pattern) {
    return attention(zeros, zeros, v, {.pattern = pattern}).values();
  };
  const auto values = [](std::vector<float> x) { return Tensor::from_values<float>(x, {3, 1}); };
  test::expect_close(with(AttentionPattern::full()), values({3, 3, 3}), test::kF32);
  test::expect_close(with(AttentionPattern::causal()), values({1, 1.5f, 3}), test::kF32);
  const RaggedTensor ids(Tensor::from_values<int64_t>(std::vector<int64_t>{4, 4, 5}, {3}), layout);
  test::expect_close(with(AttentionPattern::segments(ids)), values({1.5f, 1.5f, 6}), test::kF32);
  Tensor may_attend = Tensor::zeros({3, 3}, DType::boolean);
  may_attend.mutable_values<bool>()[1] = may_attend.mutable_values<bool>()[8] = true;
  test::expect_close(with(AttentionPattern::visible(may_attend, layout)), values({2, 0, 6}),
                     test::kF32);
}

// Patterns that are no bands, of tokens that the queries and keys of `random` layouts have.
std::vector<AttentionPattern> token_patterns(test::Random& random, const RaggedLayout& queries,
                                             const RaggedLayout& keys) {
  const auto ids = [&](const RaggedLayout& layout) {
    Tensor out = Tensor::empty({layout.num_tokens()}, DType::i64);
    for (int64_t& id : out.mutable_values<int64_t>()) id = random.integer(0, 2);
    return RaggedTensor(out, layout);
  };
  const auto segments = AttentionPattern::segments(ids(queries), ids(keys));
  const auto visible = AttentionPattern::visible(
      random.coins({queries.num_sequences(), queries.padded_width(), keys.padded_width()}), queries,
      keys);
  return {segments, visible, segments & visible & AttentionPattern::window(9, 4)};
}

TEST(Attention, TokenPatternsEqualTheReferenceInEveryDtype) {
  test::Random random(6);
  for (int round = 0; round < 8; ++round) {
    const auto queries = RaggedLayout::from_lengths(random.lengths(5, 120));
    const auto keys = RaggedLayout::from_lengths(random.lengths(5, 300));
    const RaggedTensor q = random_ragged(random, queries, kWidth);
    const RaggedTensor k = random_ragged(random, keys, kWidth);
    const RaggedTensor v = random_ragged(random, keys, kWidth);
    const auto wide = [](const RaggedTensor& x) {
      return x.with_values(x.values().to(DType::f64));
    };
    for (const AttentionPattern& pattern : token_patterns(random, queries, keys)) {
      const AttentionConfig config{.num_heads = kHeads, .pattern = pattern};
      const Tensor out = attention(q, k, v, config).values();
      test::expect_close(out, attention(wide(q), wide(k), wide(v), config).values().to(DType::f32),
                         test::kF32);
      test::expect_close(out, by_definition(q, k, v, pattern), test::kF32);
    }
  }
}

TEST(Attention, TokenPatternsGiveTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(7);
  const Execution three({.num_threads = 3});
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{5, 0, 300, 1, 97});
  const RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  Tensor ids = Tensor::empty({layout.num_tokens()}, DType::i64);
  for (int64_t& id : ids.mutable_values<int64_t>()) id = random.integer(0, 2);
  const auto config = [](const Tensor& of, const RaggedLayout& over) {
    return AttentionConfig{.num_heads = kHeads, .pattern = AttentionPattern::segments({of, over})};
  };
  const RaggedTensor batch = self_attention(qkv, config(ids, layout));
  {
    const ExecutionScope scope(three);
    test::expect_same_bits(self_attention(qkv, config(ids, layout)).values(), batch.values());
  }
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    const RaggedTensor alone(qkv.sequence(b),
                             RaggedLayout::from_lengths(std::vector{layout.length(b)}));
    const Tensor own = ids.rows(layout.offset(b), layout.offset(b + 1));
    test::expect_same_bits(self_attention(alone, config(own, alone.layout())).values(),
                           batch.sequence(b));
  }
}

TEST(Attention, AHiddenTokenMayHoldAnything) {
  test::Random random(8);
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{40});
  RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  Tensor ids = Tensor::zeros({40}, DType::i64);
  ids.mutable_values<int64_t>()[17] = 1;
  const AttentionConfig config{.num_heads = kHeads,
                               .pattern = AttentionPattern::segments({ids, layout})};
  const Tensor clean = self_attention(qkv, config).values();
  Tensor row = qkv.values().rows(17, 18);
  std::ranges::fill(row.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
  const Tensor poisoned = self_attention(qkv, config).values();
  test::expect_same_bits(poisoned.rows(0, 17), clean.rows(0, 17));
  test::expect_same_bits(poisoned.rows(18, 40), clean.rows(18, 40));
}

TEST(AttentionDropout, DrawsDependOnTheTokensPlaceAndNotOnTheRestOfTheBatch) {
  test::Random random(9);
  const Execution three({.num_threads = 3});
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{30, 100, 7});
  const RaggedTensor qkv = random_ragged(random, layout, 3 * kWidth);
  const AttentionConfig config{.num_heads = kHeads, .dropout = {.rate = 0.4, .seed = 3, .step = 5}};
  const RaggedTensor batch = self_attention(qkv, config);
  // The first sequences of a batch keep their draws, whatever follows.
  const RaggedTensor first(qkv.values().rows(0, 130),
                           RaggedLayout::from_lengths(std::vector<int64_t>{30, 100}));
  test::expect_same_bits(self_attention(first, config).values(), batch.values().rows(0, 130));
  const ExecutionScope scope(three);
  test::expect_same_bits(self_attention(qkv, config).values(), batch.values());
}

TEST(AttentionDropout, ZeroesTheShareOfWeightsThatTheRateSays) {
  // One query sees 4,000 keys with equal weights and values of 1.
  const auto queries = RaggedLayout::from_lengths(std::vector<int64_t>{1});
  const auto keys = RaggedLayout::from_lengths(std::vector<int64_t>{4000});
  const RaggedTensor q(Tensor::zeros({1, 2}), queries);
  const RaggedTensor k(Tensor::zeros({4000, 2}), keys);
  Tensor ones = Tensor::empty({4000, 2});
  std::ranges::fill(ones.mutable_values<float>(), 1.0f);
  const auto with = [&](double rate, uint64_t step) {
    const AttentionConfig config{.num_heads = 2, .dropout = {.rate = rate, .step = step}};
    return attention(q, k, k.with_values(ones), config).values();
  };
  // The mean of 4,000 draws is within five of its standard deviations.
  for (const float value : with(0.25, 1).values<float>()) EXPECT_NEAR(value, 1, 0.046);
  EXPECT_NE(with(0.25, 1).values<float>()[0], with(0.25, 1).values<float>()[1]);
  EXPECT_NE(with(0.25, 1).values<float>()[0], with(0.25, 2).values<float>()[0]);
  for (const float value : with(0, 1).values<float>()) EXPECT_NEAR(value, 1, 1e-5);
  for (const float value : with(1, 1).values<float>()) EXPECT_EQ(value, 0);
}

TEST(AttentionDropout, RatesThatAreNoChancesAreRefused) {
  const RaggedTensor q(Tensor::zeros({3, 8}), RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  test::expect_error<OptionError>([&] { attention(q, q, q, {.dropout = {.rate = 1.5}}); },
                                  "attention: dropout: expected a rate of 0 to 1, got 1.5");
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
  const RaggedTensor ids(Tensor::zeros({3}, DType::i64), layout({2, 1}));
  test::expect_error<LayoutError>(
      [&] { attention(q, q, q, {.pattern = AttentionPattern::segments(ids)}); },
      "attention: pattern: expected the query's layout (B=2, T=3), got (B=2, T=3) whose sequence 0 "
      "has 2 tokens, not 1");
  const RaggedTensor counts(Tensor::zeros({3, 8}, DType::i64), layout({1, 2}));
  test::expect_error<DTypeError>([&] { attention(counts, counts, counts, {}); },
                                 "attention: q: expected f32, f64 or bf16, got i64");
}

}  // namespace
}  // namespace nopad::ops
