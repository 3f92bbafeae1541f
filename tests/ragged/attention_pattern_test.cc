#include "nopad/ragged/attention_pattern.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

Tensor bools(const Shape& shape, const std::vector<int>& values) {
  Tensor out = Tensor::empty(shape, DType::boolean);
  for (size_t i = 0; i < values.size(); ++i) out.mutable_values<bool>()[i] = values[i] != 0;
  return out;
}

// The rule by its definition, key by key.
using Rule = std::function<bool(int64_t query, int64_t key)>;
void expect_rule(const AttentionPattern& pattern, const Rule& sees) {
  for (int64_t num_keys = 0; num_keys <= 7; ++num_keys) {
    for (int64_t i = 0; i <= 9; ++i) {
      const KeyRange range = pattern.visible_keys(i, num_keys);
      ASSERT_LE(0, range.begin);
      ASSERT_LE(range.begin, range.end);
      ASSERT_LE(range.end, num_keys);
      for (int64_t j = 0; j < num_keys; ++j) {
        EXPECT_EQ(range.begin <= j && j < range.end, sees(i, j)) << "query " << i << ", key " << j;
      }
    }
  }
}

TEST(AttentionPattern, FullSeesEveryKey) {
  expect_rule(AttentionPattern::full(), [](int64_t, int64_t) { return true; });
}

TEST(AttentionPattern, CausalSeesKeysUpToItsOwnPositionFromTheTopLeft) {
  expect_rule(AttentionPattern::causal(), [](int64_t i, int64_t j) { return j <= i; });
  EXPECT_EQ(AttentionPattern::causal().visible_keys(0, 5), (KeyRange{0, 1}));
  EXPECT_EQ(AttentionPattern::causal().visible_keys(4, 2), (KeyRange{0, 2}));
}

TEST(AttentionPattern, WindowSeesTheNeighbours) {
  for (int64_t left = 0; left < 5; ++left) {
    for (int64_t right = 0; right < 5; ++right) {
      expect_rule(AttentionPattern::window(left, right),
                  [&](int64_t i, int64_t j) { return i - left <= j && j <= i + right; });
    }
  }
}

TEST(AttentionPattern, IntersectionSeesWhatBothSee) {
  const auto both = AttentionPattern::window(2, 1) & AttentionPattern::window(1, 3);
  expect_rule(both, [](int64_t i, int64_t j) { return i - 1 <= j && j <= i + 1; });
  expect_rule(AttentionPattern::causal() & AttentionPattern::window(2, 2),
              [](int64_t i, int64_t j) { return i - 2 <= j && j <= i; });
  EXPECT_EQ(AttentionPattern::causal() & AttentionPattern::full(), AttentionPattern::causal());
}

TEST(AttentionPattern, ExtremeWindowsDoNotOverflow) {
  EXPECT_TRUE(AttentionPattern::window(kMax, kMax).is_full());
  const auto wide = AttentionPattern::window(kMax - 1, kMax - 1);
  EXPECT_EQ(wide.visible_keys(3, 5), (KeyRange{0, 5}));
  EXPECT_EQ(AttentionPattern::causal().visible_keys(kMax - 1, kMax), (KeyRange{0, kMax}));
  EXPECT_EQ(AttentionPattern::window(0, 0).visible_keys(kMax - 1, 3), (KeyRange{3, 3}));
}

TEST(AttentionPattern, NegativeWindowsAreRefused) {
  test::expect_error<OptionError>(
      [] { AttentionPattern::window(2, -1); },
      "AttentionPattern: window: expected 0 or more to each side, got 2 and -1");
  EXPECT_THROW(AttentionPattern::window(-1, 0), OptionError);
}

TEST(AttentionPattern, TellsHowFarAQuerySeesToEachSide) {
  EXPECT_EQ(AttentionPattern::full().left(), kMax);
  EXPECT_EQ(AttentionPattern::full().right(), kMax);
  EXPECT_EQ(AttentionPattern::causal().left(), kMax);
  EXPECT_EQ(AttentionPattern::causal().right(), 0);
  EXPECT_EQ(AttentionPattern::window(3, 4).left(), 3);
  EXPECT_EQ(AttentionPattern::window(3, 4).right(), 4);
}

TEST(AttentionPattern, OnlyFullIsFull) {
  EXPECT_TRUE(AttentionPattern::full().is_full());
  EXPECT_FALSE(AttentionPattern::causal().is_full());
  EXPECT_FALSE(AttentionPattern::window(100, 100).is_full());
}

TEST(AttentionPatternMaterialize, LeavesPaddingOut) {
  test::expect_same_bits(AttentionPattern::causal().materialize(layout_of({3, 0, 2})),
                         bools({3, 3, 3}, {1, 0, 0, 1, 1, 0, 1, 1, 1,  //
                                           0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                           1, 0, 0, 1, 1, 0, 0, 0, 0}));
}

TEST(AttentionPatternMaterialize, FollowsTheColumnsOfThePaddedBatch) {
  // Left padding, then a hole: causal counts tokens and not columns.
  const auto layout = RaggedLayout::from_keep(bools({2, 3}, {0, 1, 1, 1, 0, 1}));
  test::expect_same_bits(AttentionPattern::causal().materialize(layout),
                         bools({2, 3, 3}, {0, 0, 0, 0, 1, 0, 0, 1, 1,  //
                                           1, 0, 0, 0, 0, 0, 1, 0, 1}));
}

TEST(AttentionPatternMaterialize, TakesQueriesAndKeysOfDifferentLengths) {
  test::expect_same_bits(
      AttentionPattern::causal().materialize(layout_of({1, 2}), layout_of({3, 1})),
      bools({2, 2, 3}, {1, 0, 0, 0, 0, 0,  //
                        1, 0, 0, 1, 0, 0}));
}

TEST(AttentionPatternMaterialize, DifferentNumbersOfSequencesAreRefused) {
  test::expect_error<LayoutError>(
      [] {
        AttentionPattern::full().materialize(layout_of({1, 2, 3}), layout_of({1, 2}));
      },
      "AttentionPattern: keys: expected the queries' number of sequences 3, got 2");
}

TEST(AttentionPatternMaterialize, WithoutSequencesItIsEmpty) {
  EXPECT_EQ(AttentionPattern::full().materialize({}).shape(), Shape({0, 0, 0}));
  EXPECT_EQ(AttentionPattern::full().materialize_bias(layout_of({0})).shape(), Shape({1, 0, 0}));
}

TEST(AttentionPatternMaterialize, TheBiasIsZeroWhereAttendingIsAllowedElseMinusInfinity) {
  test::Random random(31);
  for (int round = 0; round < 100; ++round) {
    const int64_t num_sequences = random.integer(0, 4);
    const auto queries = layout_of(random.lengths(num_sequences, 9));
    const auto keys = layout_of(random.lengths(num_sequences, 9));
    const auto pattern = AttentionPattern::window(random.integer(0, 9), random.integer(0, 9));
    const Tensor may_attend = pattern.materialize(queries, keys);
    const Tensor bias = pattern.materialize_bias(queries, keys);
    ASSERT_EQ(bias.shape(), may_attend.shape());
    for (size_t i = 0; i < bias.values<float>().size(); ++i) {
      const float expected = may_attend.values<bool>()[i] ? 0.0f : -INFINITY;
      ASSERT_EQ(bias.values<float>()[i], expected);
    }
  }
}

Tensor ids_of(const std::vector<int64_t>& ids) {
  return Tensor::from_values<int64_t>(ids, {std::ssize(ids)});
}

TEST(AttentionPattern, BandsKnowNoTokens) {
  EXPECT_TRUE(AttentionPattern::full().is_band());
  EXPECT_TRUE((AttentionPattern::causal() & AttentionPattern::window(2, 2)).is_band());
  const RaggedTensor ids(ids_of({1, 1}), layout_of({2}));
  EXPECT_FALSE(AttentionPattern::segments(ids).is_band());
  EXPECT_FALSE((AttentionPattern::causal() & AttentionPattern::segments(ids)).is_band());
}

TEST(AttentionPatternSegments, AQuerySeesTheKeysOfItsId) {
  const auto layout = layout_of({3, 0, 2});
  const RaggedTensor ids(ids_of({7, 8, 7, 5, 5}), layout);
  const Tensor expected = bools({3, 3, 3}, {1, 0, 1, 0, 1, 0, 1, 0, 1,  //
                                            0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                            1, 1, 0, 1, 1, 0, 0, 0, 0});
  test::expect_same_bits(AttentionPattern::segments(ids).materialize(layout), expected);
  const RaggedTensor narrow(ids.values().to(DType::i32), layout);
  test::expect_same_bits(AttentionPattern::segments(narrow).materialize(layout), expected);
}

TEST(AttentionPatternSegments, QueriesAndKeysMayHaveDifferentLayouts) {
  const auto queries = layout_of({1, 2});
  const auto keys = layout_of({3, 1});
  const auto pattern =
      AttentionPattern::segments({ids_of({2, 1, 3}), queries}, {ids_of({2, 1, 2, 3}), keys});
  test::expect_same_bits(pattern.materialize(queries, keys), bools({2, 2, 3}, {1, 0, 1, 0, 0, 0,  //
                                                                               0, 0, 0, 1, 0, 0}));
}

TEST(AttentionPatternSegments, TheIdsAreCopied) {
  const auto layout = layout_of({2});
  Tensor ids = ids_of({1, 1});
  const auto pattern = AttentionPattern::segments({ids, layout});
  ids.mutable_values<int64_t>()[0] = 2;
  test::expect_same_bits(pattern.materialize(layout), bools({1, 2, 2}, {1, 1, 1, 1}));
}

TEST(AttentionPatternVisible, SaysItForEachSequenceInPaddedColumns) {
  const auto layout = layout_of({2, 1});
  // The second sequence's second row and column are padding.
  const Tensor may_attend = bools({2, 2, 2}, {1, 0, 1, 1,  //
                                              1, 1, 1, 1});
  test::expect_same_bits(AttentionPattern::visible(may_attend, layout).materialize(layout),
                         bools({2, 2, 2}, {1, 0, 1, 1,  //
                                           1, 0, 0, 0}));
}

TEST(AttentionPatternVisible, OneMatrixServesAllSequences) {
  const auto layout = layout_of({3, 1, 0, 2});
  const Tensor may_attend = bools({3, 3}, {1, 0, 1, 0, 1, 1, 1, 1, 0});
  test::expect_same_bits(AttentionPattern::visible(may_attend, layout).materialize(layout),
                         bools({4, 3, 3}, {1, 0, 1, 0, 1, 1, 1, 1, 0,  //
                                           1, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                           0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                           1, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(AttentionPatternVisible, FollowsTheColumnsOfThePaddedBatch) {
  const auto layout = RaggedLayout::from_keep(bools({2, 3}, {0, 1, 1, 1, 0, 1}));
  const Tensor one = bools({3, 3}, {1, 0, 0, 1, 1, 0, 0, 1, 1});
  const Tensor expected = bools({2, 3, 3}, {0, 0, 0, 0, 1, 0, 0, 1, 1,  //
                                            1, 0, 0, 0, 0, 0, 0, 0, 1});
  test::expect_same_bits(AttentionPattern::visible(one, layout).materialize(layout), expected);
  test::expect_same_bits(AttentionPattern::visible(expected, layout).materialize(layout), expected);
}

TEST(AttentionPatternVisible, WhatMaterializeWritesItReadsAgain) {
  test::Random random(32);
  for (int round = 0; round < 100; ++round) {
    const int64_t num_sequences = random.integer(0, 4);
    const auto queries = layout_of(random.lengths(num_sequences, 9));
    const auto keys = layout_of(random.lengths(num_sequences, 9));
    const auto pattern = AttentionPattern::window(random.integer(0, 9), random.integer(0, 9));
    const Tensor matrix = pattern.materialize(queries, keys);
    test::expect_same_bits(
        AttentionPattern::visible(matrix, queries, keys).materialize(queries, keys), matrix);
  }
}

TEST(AttentionPattern, AnyTwoIntersect) {
  const auto layout = layout_of({3});
  const auto segments = AttentionPattern::segments({ids_of({1, 2, 1}), layout});
  const auto visible =
      AttentionPattern::visible(bools({3, 3}, {0, 1, 1, 1, 1, 1, 1, 1, 1}), layout);
  test::expect_same_bits((AttentionPattern::causal() & segments).materialize(layout),
                         bools({1, 3, 3}, {1, 0, 0, 0, 1, 0, 1, 0, 1}));
  test::expect_same_bits((segments & visible).materialize(layout),
                         bools({1, 3, 3}, {0, 0, 1, 0, 1, 0, 1, 0, 1}));
  test::expect_same_bits((visible & AttentionPattern::causal() & segments).materialize(layout),
                         bools({1, 3, 3}, {0, 0, 0, 0, 1, 0, 1, 0, 1}));
}

TEST(AttentionPattern, OperandsThatDoNotFitAreRefused) {
  const auto layout = layout_of({1, 2});
  test::expect_error<DTypeError>(
      [&] {
        AttentionPattern::segments({Tensor::zeros({3}), layout});
      },
      "AttentionPattern: query_ids: expected i32 or i64, got f32");
  test::expect_error<ShapeError>(
      [&] {
        AttentionPattern::segments({ids_of({1, 2, 3}), layout},
                                   {Tensor::zeros({3, 1}, DType::i64), layout});
      },
      "AttentionPattern: key_ids: expected [3], got [3, 1]");
  test::expect_error<LayoutError>(
      [&] {
        AttentionPattern::segments({ids_of({1, 2, 3}), layout}, {ids_of({1}), layout_of({1})});
      },
      "AttentionPattern: keys: expected the queries' number of sequences 2, got 1");
  test::expect_error<ShapeError>(
      [&] {
        AttentionPattern::visible(bools({2, 3}, {0, 0, 0, 0, 0, 0}), layout);
      },
      "AttentionPattern: may_attend: expected [2, 2, 2] or [2, 2], got [2, 3]");
  test::expect_error<DTypeError>(
      [&] {
        AttentionPattern::visible(Tensor::zeros({2, 2}), layout);
      },
      "AttentionPattern: may_attend: expected bool, got f32");
}

TEST(AttentionPattern, ARuleForOtherTokensIsRefused) {
  const auto pattern = AttentionPattern::segments({ids_of({1, 2, 3}), layout_of({1, 2})});
  test::expect_error<LayoutError>(
      [&] {
        pattern.materialize(layout_of({2, 2}));
      },
      "AttentionPattern: pattern: expected the query's layout (B=2, T=4), got (B=2, T=3)");
  test::expect_error<LayoutError>(
      [&] {
        pattern.materialize(layout_of({1, 2}), layout_of({2, 1}));
      },
      "AttentionPattern: pattern: expected the key's layout (B=2, T=3), got (B=2, T=3) whose "
      "sequence 0 has 1 tokens, not 2");
}

}  // namespace
}  // namespace nopad
