#include "nopad/ops/rotary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/rearrange.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

RaggedLayout layout_of(std::vector<int64_t> lengths) { return RaggedLayout::from_lengths(lengths); }

RotaryTable table_of(int64_t rotary_size, int64_t max_tokens, float scale = 1) {
  return {rotary_frequencies(10000, rotary_size), max_tokens, scale};
}

Tensor copy_of(const Tensor& x) { return Tensor::from_values(x.values<float>(), x.shape()); }

TEST(RotaryFrequencies, ArePyTorchs) {
  // 1.0 / (theta ** (torch.arange(0, d, 2).float() / d))
  EXPECT_EQ(rotary_frequencies(10000, 2), std::vector<float>{1});
  const std::vector<float> eight = rotary_frequencies(10000, 8);
  EXPECT_EQ(eight, (std::vector<float>{1.0f, 0.1f, 0.01f, 0.001f}));
  const std::vector<float> ten = rotary_frequencies(160000, 10);
  EXPECT_EQ(ten,
            (std::vector<float>{0x1.0000000000000p+0f, 0x1.74d9fe0000000p-4f, 0x1.0f85220000000p-7f,
                                0x1.8b74a60000000p-11f, 0x1.1ffb240000000p-14f}));
}

TEST(RotaryTable, HoldsTheScaledCosineAndSineOfEachAnglesF32) {
  const std::vector<float> frequencies = {0.7f, 1e-3f};
  const RotaryTable table(frequencies, 3000, 0.5f);
  EXPECT_EQ(table.rotary_size(), 4);
  EXPECT_EQ(table.max_tokens(), 3000);
  for (const int64_t position : {0, 1, 17, 2999}) {
    for (int64_t i = 0; i < 2; ++i) {
      const double angle = static_cast<float>(position) * frequencies[static_cast<size_t>(i)];
      const auto at = static_cast<size_t>(position * 2 + i);
      EXPECT_EQ(table.cos().values<float>()[at], static_cast<float>(std::cos(angle)) * 0.5f);
      EXPECT_EQ(table.sin().values<float>()[at], static_cast<float>(std::sin(angle)) * 0.5f);
    }
  }
}

TEST(Rotary, TurnsEachPairByThePositionInItsSequence) {
  // Two sequences of two tokens, two heads of three elements of which two are turned.
  const RaggedTensor x(
      Tensor::from_values<float>(std::vector<float>{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6,  //
                                                    1, 0, 7, 0, 1, 7, 1, 0, 7, 0, 1, 7},
                                 {4, 6}),
      layout_of({2, 2}));
  const Tensor y = rotary(x, 2, table_of(2, 2)).values();
  const float c = std::cos(1.0f), s = std::sin(1.0f);
  test::expect_close(y.values<float>(),
                     std::vector<float>{1,
                                        2,
                                        3,
                                        4,
                                        5,
                                        6,  //
                                        c - 2 * s,
                                        2 * c + s,
                                        3,
                                        4 * c - 5 * s,
                                        5 * c + 4 * s,
                                        6,
                                        1,
                                        0,
                                        7,
                                        0,
                                        1,
                                        7,
                                        c,
                                        s,
                                        7,
                                        -s,
                                        c,
                                        7},
                     test::kF32);
}

TEST(Rotary, ScoresDependOnTheDistanceAlone) {
  test::Random random(1);
  const auto layout = layout_of({50});
  const Tensor row = random.tensor({1, 16});
  const Tensor q = rotary({tile(row, {50, 1}), layout}, 1, table_of(16, 50)).values();
  const auto score = [&](int64_t i, int64_t j) {
    double sum = 0;
    for (int64_t c = 0; c < 16; ++c) {
      sum += static_cast<double>(q.values<float>()[static_cast<size_t>(i * 16 + c)]) *
             static_cast<double>(q.values<float>()[static_cast<size_t>(j * 16 + c)]);
    }
    return sum;
  };
  for (int64_t i = 0; i + 7 < 50; ++i) EXPECT_NEAR(score(i, i + 7), score(0, 7), 1e-5);
}

TEST(Rotary, GradientEqualsCentralDifferences) {
  test::Random random(2);
  const auto layout = layout_of({3, 0, 2});
  test::expect_gradients(
      [&](std::span<const Tensor> in) {
        return rotary({in[0], layout}, 2, table_of(4, 5)).values();
      },
      {random.tensor({5, 10}).to(DType::f64)});
}

TEST(RotateQueryKey, TurnsQueriesAndKeysAndLeavesValues) {
  test::Random random(3);
  const auto layout = layout_of({5, 0, 1, 70});
  const RotaryTable table = table_of(6, 70);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const RaggedTensor qkv(random.tensor({76, 3 * 24}).to(dtype), layout);
    const RaggedTensor out = rotate_query_key(qkv, 3, table);
    for (int part = 0; part < 3; ++part) {
      const auto columns = [&](const RaggedTensor& x) {
        return slice(x.values(), 1, part * 24, (part + 1) * 24);
      };
      const RaggedTensor operand = qkv.with_values(columns(qkv));
      test::expect_same_bits(columns(out),
                             part == 2 ? operand.values() : rotary(operand, 3, table).values());
    }
  }
}

TEST(RotateQueryKey, WorksInPlaceOnlyWhereNobodyElseWouldSeeIt) {
  test::Random random(4);
  const auto layout = layout_of({5, 2});
  const RotaryTable table = table_of(8, 5);
  RaggedTensor qkv(random.tensor({7, 24}), layout);
  const Tensor before = copy_of(qkv.values());
  const RaggedTensor shared = rotate_query_key(qkv, 1, table);
  test::expect_same_bits(qkv.values(), before);
  EXPECT_NE(shared.values().bytes(), qkv.values().bytes());
  const std::byte* const place = qkv.values().bytes();
  const RaggedTensor moved = rotate_query_key(std::move(qkv), 1, table);
  EXPECT_EQ(moved.values().bytes(), place);
  test::expect_same_bits(moved.values(), shared.values());
}

TEST(RotateQueryKey, ASequenceHasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(5);
  const Execution three({.num_threads = 3});
  const auto layout = layout_of({5, 0, 300, 1, 97, 0});
  const RaggedTensor qkv(random.tensor({403, 3 * 32}), layout);
  const RotaryTable table = table_of(10, 300);
  const RaggedTensor batch = rotate_query_key(qkv, 2, table);
  {
    const ExecutionScope scope(three);
    test::expect_same_bits(rotate_query_key(qkv, 2, table).values(), batch.values());
  }
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    const RaggedTensor alone(qkv.sequence(b), layout_of({layout.length(b)}));
    test::expect_same_bits(rotate_query_key(alone, 2, table).values(), batch.sequence(b));
  }
}

TEST(RotateQueryKey, ANeighboursNanReachesNobodyElse) {
  test::Random random(6);
  const auto layout = layout_of({4, 2, 4});
  const Tensor clean = random.tensor({10, 24});
  Tensor poisoned = copy_of(clean);
  Tensor middle = poisoned.rows(4, 6);
  std::ranges::fill(middle.mutable_values<float>(), std::numeric_limits<float>::quiet_NaN());
  const Tensor expected = rotate_query_key({clean, layout}, 1, table_of(8, 4)).values();
  const Tensor actual = rotate_query_key({poisoned, layout}, 1, table_of(8, 4)).values();
  test::expect_same_bits(actual.rows(0, 4), expected.rows(0, 4));
  test::expect_same_bits(actual.rows(6, 10), expected.rows(6, 10));
}

TEST(Rotary, WhatItCannotTakeIsRefused) {
  const RotaryTable table = table_of(4, 3);
  const auto turn = [&](const Tensor& x, int64_t num_heads, std::vector<int64_t> lengths) {
    return [&, x, num_heads, lengths] { rotary({x, layout_of(lengths)}, num_heads, table); };
  };
  test::expect_error<ShapeError>(turn(Tensor::zeros({3, 2, 4}), 2, {3}),
                                 "rotary: x: expected [T, D], got [3, 2, 4]");
  test::expect_error<ShapeError>(turn(Tensor::zeros({3, 8}), 3, {3}),
                                 "rotary: x: num_heads: expected a divisor of the width 8, got 3");
  test::expect_error<ShapeError>(turn(Tensor::zeros({3, 8}), 4, {3}),
                                 "rotary: x: num_heads: expected heads of at least the table's "
                                 "rotary size 4, got 2");
  test::expect_error<LimitError>(turn(Tensor::zeros({5, 8}), 2, {1, 4}),
                                 "rotary: x: expected sequences of at most the table's 3 tokens, "
                                 "got one of 4");
  test::expect_error<DTypeError>(turn(Tensor::zeros({3, 8}, DType::i64), 2, {3}),
                                 "rotary: x: expected f32, f64 or bf16, got i64");
  test::expect_error<ShapeError>(
      [&] {
        rotate_query_key({Tensor::zeros({3, 8}), layout_of({3})}, 2, table);
      },
      "rotate_query_key: qkv: expected [T, 3 D], got [3, 8]");
  test::expect_error<DTypeError>(
      [&] {
        rotate_query_key({Tensor::zeros({3, 24}, DType::f64), layout_of({3})}, 2, table);
      },
      "rotate_query_key: qkv: expected f32 or bf16, got f64");
  Tensor leaf = Tensor::zeros({3, 24});
  autograd::require_grad(leaf);
  EXPECT_THROW(rotate_query_key({leaf, layout_of({3})}, 2, table), OptionError);
}

TEST(RotaryTable, SettingsThatMakeNoneAreRefused) {
  test::expect_error<OptionError>([] { rotary_frequencies(0, 4); },
                                  "rotary_frequencies: theta: expected a number above 0, got 0");
  test::expect_error<OptionError>(
      [] { rotary_frequencies(10000, 5); },
      "rotary_frequencies: rotary_size: expected an even number above 0, got 5");
  test::expect_error<OptionError>(
      [] { RotaryTable({}, 4); },
      "RotaryTable: inverse_frequencies: expected at least one, got none");
  const std::vector<float> one = {1};
  test::expect_error<OptionError>([&] { RotaryTable(one, -1); },
                                  "RotaryTable: max_tokens: expected 0 or more, got -1");
  EXPECT_THROW(RotaryTable(one, int64_t{1} << 60), LimitError);
}

}  // namespace
}  // namespace nopad::ops
