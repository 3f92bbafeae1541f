#include "nopad/ragged/batching.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad {
namespace {

using Lengths = std::vector<int64_t>;
using Batches = std::vector<SequenceRange>;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(BatchByTokens, FillsEachBatchAsFarAsTheBudgetGoes) {
  EXPECT_EQ(batch_by_tokens(Lengths{3, 4, 3, 5, 5, 1}, {.max_tokens = 10}),
            (Batches{{0, 3}, {3, 5}, {5, 6}}));
}

TEST(BatchByTokens, ALongerSequenceStandsAlone) {
  EXPECT_EQ(batch_by_tokens(Lengths{2, 99, 2, 2}, {.max_tokens = 10}),
            (Batches{{0, 1}, {1, 2}, {2, 4}}));
  // Not even an empty one goes along: the total would not be within the budget.
  EXPECT_EQ(batch_by_tokens(Lengths{0, 99, 0}, {.max_tokens = 10}),
            (Batches{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(BatchByTokens, AnExactFitIsOneBatch) {
  EXPECT_EQ(batch_by_tokens(Lengths{4, 6, 0}, {.max_tokens = 10}), (Batches{{0, 3}}));
  EXPECT_EQ(batch_by_tokens(Lengths{kMax, 1}, {.max_tokens = kMax}), (Batches{{0, 1}, {1, 2}}));
}

TEST(BatchByTokens, TheNumberOfSequencesCanBeBoundedToo) {
  EXPECT_EQ(batch_by_tokens(Lengths{1, 1, 1, 1, 1}, {.max_tokens = 10, .max_sequences = 2}),
            (Batches{{0, 2}, {2, 4}, {4, 5}}));
  EXPECT_EQ(batch_by_tokens(Lengths{0, 0, 0}, {.max_tokens = 1, .max_sequences = 1}).size(), 3u);
}

TEST(BatchByTokens, EmptySequencesCostNothing) {
  EXPECT_EQ(batch_by_tokens(Lengths(1000), {.max_tokens = 1}), (Batches{{0, 1000}}));
}

TEST(BatchByTokens, NoSequencesGiveNoBatches) {
  EXPECT_TRUE(batch_by_tokens({}, {.max_tokens = 10}).empty());
}

TEST(BatchByTokens, ImpossibleBudgetsAndLengthsAreRefused) {
  test::expect_error<OptionError>([] { batch_by_tokens({}, {.max_tokens = 0}); },
                                  "batch_by_tokens: max_tokens: expected 1 or more, got 0");
  test::expect_error<OptionError>(
      [] { batch_by_tokens({}, {.max_tokens = 1, .max_sequences = -1}); },
      "batch_by_tokens: max_sequences: expected 0 or more, got -1");
  test::expect_error<LayoutError>(
      [] {
        batch_by_tokens(Lengths{1, -2}, {.max_tokens = 8});
      },
      "batch_by_tokens: lengths: expected 0 or more, got -2 for sequence 1");
}

TEST(BatchByTokens, RandomBatchesCoverAllInOrderAndCouldNotHaveTakenOneMore) {
  test::Random random(41);
  for (int round = 0; round < 500; ++round) {
    const Lengths lengths = random.lengths(random.integer(0, 60), 70);
    const BatchBudget budget{.max_tokens = random.integer(1, 200),
                             .max_sequences = random.integer(0, 6)};
    const Batches batches = batch_by_tokens(lengths, budget);
    int64_t next = 0;
    for (const auto [begin, end] : batches) {
      EXPECT_EQ(begin, next);
      ASSERT_LT(begin, end);
      next = end;
      const int64_t total =
          std::accumulate(lengths.begin() + begin, lengths.begin() + end, int64_t{0});
      EXPECT_TRUE(total <= budget.max_tokens || end - begin == 1);
      EXPECT_TRUE(budget.max_sequences == 0 || end - begin <= budget.max_sequences);
      if (end == std::ssize(lengths)) continue;
      EXPECT_TRUE(total + lengths[static_cast<size_t>(end)] > budget.max_tokens ||
                  end - begin == budget.max_sequences);
    }
    EXPECT_EQ(next, std::ssize(lengths));
  }
}

TEST(PaddedTokens, IsTheCountTimesTheLongest) {
  EXPECT_EQ(padded_tokens(Lengths{3, 0, 10}), 30);
  EXPECT_EQ(padded_tokens(Lengths{0, 0}), 0);
  EXPECT_EQ(padded_tokens({}), 0);
}

TEST(PaddedTokens, BeyondInt64IsRefused) {
  EXPECT_EQ(padded_tokens(Lengths{kMax}), kMax);
  test::expect_error<LimitError>(
      [] {
        padded_tokens(Lengths{kMax, 0});
      },
      "padded_tokens: lengths: expected a total in 63 bits, got 2 x 9223372036854775807");
}

}  // namespace
}  // namespace nopad
