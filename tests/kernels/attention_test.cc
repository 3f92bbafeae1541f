#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "isas.h"
#include "nopad/core/storage.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr VisibleKeys kCausal{.before = VisibleKeys::kAll, .after = 0};
constexpr VisibleKeys kWindow{.before = 3, .after = 5};

// Queries, keys and values side by side, as one projection writes them: [rows, 3 x head_size].
struct Sequence {
  Sequence(test::Random& random, int64_t length_, int64_t head_size_)
      : length(length_),
        head_size(head_size_),
        values(static_cast<size_t>(length * 3 * head_size)) {
    for (float& value : values) value = random.real(-2, 2);
  }
  AttentionProblem<float> problem(std::vector<float>& out, VisibleKeys visible = {}) const {
    out.assign(static_cast<size_t>(length * head_size), kNan);
    return {.num_queries = length,
            .num_keys = length,
            .head_size = head_size,
            .q = values.data(),
            .k = values.data() + head_size,
            .v = values.data() + 2 * head_size,
            .out = out.data(),
            .q_stride = 3 * head_size,
            .k_stride = 3 * head_size,
            .v_stride = 3 * head_size,
            .out_stride = head_size,
            .scale = 1 / std::sqrt(static_cast<float>(head_size)),
            .visible = visible};
  }
  float& key(int64_t row, int64_t i) {
    return values[static_cast<size_t>((row * 3 + 1) * head_size + i)];
  }
  float& value(int64_t row, int64_t i) {
    return values[static_cast<size_t>((row * 3 + 2) * head_size + i)];
  }

  int64_t length, head_size;
  std::vector<float> values;
};

void attend(Isa isa, const AttentionProblem<float>& problem) {
  const Attention<float>& attention = attention_f32(isa);
  Storage scratch =
      Storage::allocate(static_cast<size_t>(attention.scratch_bytes(problem.head_size)));
  // Nothing may depend on what scratch held before.
  std::fill_n(reinterpret_cast<float*>(scratch.mutable_data()), scratch.num_bytes() / sizeof(float),
              kNan);
  attention.attend(problem, {0, problem.num_queries}, scratch.mutable_data());
}

class AttentionF32 : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, AttentionF32, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

TEST_P(AttentionF32, EqualsTheReferenceForEveryLengthAndRule) {
  test::Random random(1);
  for (const int64_t length : {1, 2, 7, 12, 13, 33, 95, 97, 255, 257, 600}) {
    for (const int64_t head_size : {1, 8, 32, 33, 64, 80, 300}) {
      const Sequence sequence(random, length, head_size);
      for (const VisibleKeys visible : {VisibleKeys{}, kCausal, kWindow}) {
        std::vector<float> out, expected;
        attend(GetParam(), sequence.problem(out, visible));
        ref::attend(sequence.problem(expected, visible));
        test::expect_close(out, expected, {3e-6, 1e-5});
      }
    }
  }
}

TEST_P(AttentionF32, AQueryThatSeesNoKeyGivesZeros) {
  test::Random random(2);
  const Sequence sequence(random, 20, 32);
  std::vector<float> out;
  attend(GetParam(), sequence.problem(out, {.before = -30, .after = 30}));
  for (const float value : out) EXPECT_EQ(value, 0.0f);
  auto problem = sequence.problem(out);
  problem.num_keys = 0;
  attend(GetParam(), problem);
  for (const float value : out) EXPECT_EQ(value, 0.0f);
}

TEST_P(AttentionF32, KeysAndValuesThatNobodySeesDoNotMatter) {
  test::Random random(3);
  constexpr int64_t kLength = 40, kHead = 32;
  Sequence sequence(random, kLength, kHead);
  std::vector<float> clean, poisoned;
  attend(GetParam(), sequence.problem(clean, kCausal));
  for (int64_t i = 0; i < kHead; ++i) {
    sequence.key(25, i) = kNan;
    sequence.value(25, i) = kNan;
  }
  attend(GetParam(), sequence.problem(poisoned, kCausal));
  for (int64_t i = 0; i < kLength * kHead; ++i) {
    if (i / kHead < 25) {
      EXPECT_EQ(poisoned[static_cast<size_t>(i)], clean[static_cast<size_t>(i)]) << i;
    } else {
      EXPECT_TRUE(std::isnan(poisoned[static_cast<size_t>(i)])) << i;
    }
  }
}

TEST_P(AttentionF32, BlocksOfQueriesGiveTheBitsOfTheWhole) {
  test::Random random(4);
  const Sequence sequence(random, 400, 32);
  const Attention<float>& attention = attention_f32(GetParam());
  for (const VisibleKeys visible : {VisibleKeys{}, kCausal, kWindow}) {
    std::vector<float> whole, pieces;
    attend(GetParam(), sequence.problem(whole, visible));
    const auto problem = sequence.problem(pieces, visible);
    Storage scratch = Storage::allocate(static_cast<size_t>(attention.scratch_bytes(32)));
    for (int64_t begin = 0; begin < 400; begin += attention.block_queries) {
      attention.attend(problem, {begin, std::min<int64_t>(400, begin + attention.block_queries)},
                       scratch.mutable_data());
    }
    EXPECT_EQ(pieces, whole);
  }
}

TEST_P(AttentionF32, LargeScoresNeitherOverflowNorVanish) {
  test::Random random(5);
  Sequence sequence(random, 300, 8);
  for (float& value : sequence.values) value *= 100;
  std::vector<float> out, expected;
  attend(GetParam(), sequence.problem(out));
  ref::attend(sequence.problem(expected));
  // Scores of order 10^5 carry errors of 10^-2 into the exponent; what must hold is the range.
  for (const float value : out) EXPECT_LE(std::abs(value), 200.0f);
}

// Rows of bools for all queries, with rows and columns that are empty, and some full.
std::vector<char> random_keep(test::Random& random, int64_t length) {
  std::vector<char> keep(static_cast<size_t>(length * length));
  for (int64_t i = 0; i < length; ++i) {
    const int64_t kind = random.integer(0, 4);
    for (int64_t j = 0; j < length; ++j) {
      keep[static_cast<size_t>(i * length + j)] = kind > 1 ? random.coin() : kind == 1;
    }
  }
  return keep;
}

const bool* as_bools(const std::vector<char>& keep) {
  return reinterpret_cast<const bool*>(keep.data());
}

TEST_P(AttentionF32, EqualsTheReferenceForAnyKeepAndFactors) {
  test::Random random(6);
  for (const int64_t length : {1, 2, 13, 33, 97, 300}) {
    for (const int64_t head_size : {1, 8, 33, 64, 160}) {
      const Sequence sequence(random, length, head_size);
      const std::vector<char> keep = random_keep(random, length);
      std::vector<float> factors(keep.size());
      for (float& factor : factors) factor = random.coin() ? 1.25f : 0.0f;
      for (const bool has_factors : {false, true}) {
        std::vector<float> out, expected;
        std::vector<float> log_sums(static_cast<size_t>(length)), expected_sums = log_sums;
        auto problem = sequence.problem(out, kCausal);
        problem.keep = as_bools(keep);
        problem.factors = has_factors ? factors.data() : nullptr;
        problem.log_sums = log_sums.data();
        attend(GetParam(), problem);
        auto reference = problem;
        expected.resize(out.size());
        reference.out = expected.data();
        reference.log_sums = expected_sums.data();
        ref::attend(reference);
        test::expect_close(out, expected, {3e-6, 1e-5});
        test::expect_close(log_sums, expected_sums, test::kF32);
      }
    }
  }
}

TEST_P(AttentionF32, ABandGivesTheSameBitsAsItsRowsOfKeep) {
  test::Random random(7);
  const Sequence sequence(random, 300, 32);
  for (const VisibleKeys visible : {VisibleKeys{}, kCausal}) {
    std::vector<char> keep(300 * 300);
    for (int64_t i = 0; i < 300; ++i) {
      const Range seen = visible.of(i, 300);
      std::fill(keep.begin() + i * 300 + seen.begin, keep.begin() + i * 300 + seen.end, 1);
    }
    std::vector<float> band, rows;
    attend(GetParam(), sequence.problem(band, visible));
    auto problem = sequence.problem(rows);
    problem.keep = as_bools(keep);
    attend(GetParam(), problem);
    EXPECT_EQ(rows, band);
  }
}

TEST_P(AttentionF32, AHiddenNanReachesExactlyTheQueriesThatSeeIt) {
  test::Random random(8);
  constexpr int64_t kLength = 290, kHead = 16;
  const std::vector<char> keep = random_keep(random, kLength);
  for (const bool is_value : {false, true}) {
    for (const int64_t bad : {0, 17, 255, 256, 289}) {
      Sequence sequence(random, kLength, kHead);
      std::vector<float> clean, poisoned;
      auto problem = sequence.problem(clean);
      problem.keep = as_bools(keep);
      attend(GetParam(), problem);
      (is_value ? sequence.value(bad, 3) : sequence.key(bad, 3)) = kNan;
      problem = sequence.problem(poisoned);
      problem.keep = as_bools(keep);
      attend(GetParam(), problem);
      for (int64_t i = 0; i < kLength * kHead; ++i) {
        const bool sees_it = keep[static_cast<size_t>(i / kHead * kLength + bad)] != 0;
        const auto at = static_cast<size_t>(i);
        if (sees_it && (!is_value || i % kHead == 3)) {
          ASSERT_TRUE(std::isnan(poisoned[at])) << i;
        } else {
          ASSERT_EQ(poisoned[at], clean[at]) << i;
        }
      }
    }
  }
}

TEST_P(AttentionF32, EqualsTheReferenceWithBiasesInRowsAndAlongDiagonals) {
  test::Random random(10);
  for (const int64_t length : {1, 2, 17, 97, 300}) {
    // Rows of biases, and a table of distances where each row begins one to the left of the last.
    std::vector<float> rows(static_cast<size_t>(length * length)), table(rows.size() + 1);
    for (float& bias : rows) bias = random.real(-3, 3);
    for (float& bias : table) bias = random.real(-3, 3);
    const std::vector<char> keep = random_keep(random, length);
    for (const int64_t head_size : {1, 3, 5, 24, 64, 80}) {
      const Sequence sequence(random, length, head_size);
      for (const VisibleKeys visible : {VisibleKeys{}, kWindow}) {
        for (const bool has_keep : {false, true}) {
          for (const bool is_diagonal : {false, true}) {
            std::vector<float> out, expected;
            const auto with_biases = [&](std::vector<float>& to) {
              auto problem = sequence.problem(to, visible);
              problem.biases = is_diagonal ? table.data() + length - 1 : rows.data();
              problem.bias_stride = is_diagonal ? -1 : length;
              problem.keep = has_keep ? as_bools(keep) : nullptr;
              return problem;
            };
            attend(GetParam(), with_biases(out));
            ref::attend(with_biases(expected));
            test::expect_close(out, expected, {3e-6, 1e-5});
          }
        }
      }
    }
  }
}

TEST_P(AttentionF32, ABiasThatIsNotSeenIsNotRead) {
  test::Random random(12);
  constexpr int64_t kLength = 60;
  const Sequence sequence(random, kLength, 24);
  // Only the distances of the window exist; beside them lies what is no number.
  std::vector<float> table(2 * kLength - 1, kNan), zeros(table.size());
  std::fill_n(table.begin() + kLength - 1 - kWindow.before, kWindow.before + kWindow.after + 1, 0);
  std::vector<float> out, expected;
  for (const auto& [biases, to] : {std::pair{&table, &out}, std::pair{&zeros, &expected}}) {
    auto problem = sequence.problem(*to, kWindow);
    problem.biases = biases->data() + kLength - 1;
    problem.bias_stride = -1;
    attend(GetParam(), problem);
  }
  EXPECT_EQ(out, expected);
}

TEST_P(AttentionF32, TheLogSumOfAQueryThatSeesNothingIsMinusInfinity) {
  test::Random random(9);
  const Sequence sequence(random, 2, 8);
  std::vector<float> out, log_sums(2);
  auto problem = sequence.problem(out, {.before = 1, .after = -1});
  problem.log_sums = log_sums.data();
  attend(GetParam(), problem);
  EXPECT_EQ(log_sums[0], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isfinite(log_sums[1]));
}

}  // namespace
}  // namespace nopad::kernels
