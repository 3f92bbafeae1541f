#include "nopad/ops/relative_positions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "kernels/isas.h"
#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/attention.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using Kind = RelativePositions::Kind;
constexpr std::array kKinds = {Kind::bias, Kind::key, Kind::key_query};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

RaggedLayout layout_of(std::vector<int64_t> lengths) { return RaggedLayout::from_lengths(lengths); }

RelativePositions make(Kind kind, Tensor table) {
  if (kind == Kind::bias) return RelativePositions::bias(std::move(table));
  return kind == Kind::key ? RelativePositions::key(std::move(table))
                           : RelativePositions::key_query(std::move(table));
}

Shape table_shape(Kind kind, int64_t max_tokens, int64_t num_heads, int64_t head_size) {
  return kind == Kind::bias ? Shape{num_heads, 2 * max_tokens - 1}
                            : Shape{2 * max_tokens - 1, head_size};
}

// The header's formulas, score by score in f64, from qkv and a table of any float type.
Tensor by_definition(const RaggedTensor& qkv, const AttentionConfig& config) {
  const Tensor wide = qkv.values().to(DType::f64);
  const RelativePositions& positions = *config.relative_positions;
  const Tensor table = positions.table().to(DType::f64);
  const int64_t width = wide.dim(1) / 3, head_size = width / config.num_heads;
  const int64_t nearest = positions.max_tokens() - 1;
  const double* const tokens = wide.values<double>().data();
  const double* const entries = table.values<double>().data();
  const auto at = [&](int64_t token, int64_t part, int64_t i) {
    return tokens[(token * 3 + part) * width + i];
  };
  const auto entry = [&](int64_t row, int64_t column) {
    return entries[row * table.dim(1) + column];
  };
  const Tensor may_attend = config.pattern.materialize(qkv.layout());
  const int64_t longest = qkv.layout().max_length();
  Tensor out = Tensor::zeros({wide.dim(0), width}, DType::f64);
  for (int64_t b = 0; b < qkv.layout().num_sequences(); ++b) {
    const int64_t first = qkv.layout().offset(b), length = qkv.layout().length(b);
    for (int64_t head = 0; head < config.num_heads; ++head) {
      for (int64_t i = 0; i < length; ++i) {
        std::vector<double> weights(static_cast<size_t>(length));
        double sum = 0;
        for (int64_t j = 0; j < length; ++j) {
          if (!may_attend.values<bool>()[static_cast<size_t>((b * longest + i) * longest + j)]) {
            continue;
          }
          double score = 0;
          for (int64_t c = head * head_size; c < (head + 1) * head_size; ++c) {
            const double q = at(first + i, 0, c), k = at(first + j, 1, c);
            score += q * k;
            if (positions.kind() == Kind::bias) continue;
            const double e = entry(nearest + j - i, c - head * head_size);
            score += q * e + (positions.kind() == Kind::key_query ? k * e : 0);
          }
          score /= std::sqrt(static_cast<double>(head_size));
          if (positions.kind() == Kind::bias) score += entry(head, nearest + j - i);
          sum += weights[static_cast<size_t>(j)] = std::exp(score);
        }
        for (int64_t c = head * head_size; c < (head + 1) * head_size && sum > 0; ++c) {
          double& to = out.mutable_values<double>()[static_cast<size_t>((first + i) * width + c)];
          for (int64_t j = 0; j < length; ++j) {
            // A key that is not seen may hold anything.
            const double weight = weights[static_cast<size_t>(j)];
            if (weight != 0) to += weight / sum * at(first + j, 2, c);
          }
        }
      }
    }
  }
  return out;
}

AttentionConfig config_of(Kind kind, Tensor table, int64_t num_heads) {
  return {.num_heads = num_heads, .relative_positions = make(kind, std::move(table))};
}

// Calls check(qkv, config) for each kind, some head sizes and patterns.
template <class F>
void for_each_case(uint64_t seed, const RaggedLayout& layout, std::vector<int64_t> head_sizes,
                   F&& check) {
  test::Random random(seed);
  for (const Kind kind : kKinds) {
    for (const int64_t head_size : head_sizes) {
      SCOPED_TRACE(testing::Message() << to_string(kind) << ", head size " << head_size);
      const RaggedTensor qkv(random.tensor({layout.num_tokens(), 3 * 2 * head_size}), layout);
      const Shape shape = table_shape(kind, layout.max_length() + 11, 2, head_size);
      auto config = config_of(kind, random.tensor(shape, -2, 2), 2);
      for (const AttentionPattern& pattern :
           {AttentionPattern::full(), AttentionPattern::window(40, 3)}) {
        config.pattern = pattern;
        check(qkv, config);
      }
    }
  }
}

TEST(RelativePositions, AreWhatTheFormulaSaysOnEveryInstructionSet) {
  for_each_case(
      1, layout_of({1, 0, 2, 17, 300}), {1, 3, 5, 8, 24, 64, 80, 130},
      [](const RaggedTensor& qkv, const AttentionConfig& config) {
        const Tensor expected = by_definition(qkv, config);
        for (const Isa isa : test::vector_isas()) {
          const Execution execution({.num_threads = 1, .isa = isa});
          const ExecutionScope scope(execution);
          test::expect_close(self_attention(qkv, config).values(), expected, {3e-6, 1e-5});
        }
      });
}

TEST(RelativePositions, InF64AreWhatTheFormulaSays) {
  for_each_case(11, layout_of({1, 0, 2, 60}), {1, 3, 8},
                [](const RaggedTensor& qkv, AttentionConfig config) {
                  const Tensor expected = by_definition(qkv, config);
                  const RelativePositions& narrow = *config.relative_positions;
                  config.relative_positions = make(narrow.kind(), narrow.table().to(DType::f64));
                  const RaggedTensor wide = qkv.with_values(qkv.values().to(DType::f64));
                  test::expect_close(self_attention(wide, config).values(), expected, test::kF64);
                });
}

TEST(RelativePositions, GoWithAPatternThatIsNoBand) {
  test::Random random(2);
  const auto layout = layout_of({30, 1});
  const RaggedTensor qkv(random.tensor({31, 3 * 16}), layout);
  Tensor ids = Tensor::zeros({31}, DType::i64);
  for (int64_t& id : ids.mutable_values<int64_t>()) id = random.integer(0, 2);
  for (const Kind kind : kKinds) {
    auto config = config_of(kind, random.tensor(table_shape(kind, 30, 2, 8)), 2);
    config.pattern = AttentionPattern::segments({ids, layout});
    test::expect_close(self_attention(qkv, config).values(), by_definition(qkv, config),
                       test::kF32);
  }
}

TEST(RelativePositions, OperandsApartGiveTheBitsOfThoseSideBySide) {
  test::Random random(3);
  const auto layout = layout_of({20, 7});
  const RaggedTensor qkv(random.tensor({27, 3 * 16}), layout);
  const auto part = [&](int64_t index) {
    Tensor out = Tensor::empty({27, 16});
    for (int64_t t = 0; t < 27; ++t) {
      std::ranges::copy(
          qkv.values().values<float>().subspan(static_cast<size_t>((t * 3 + index) * 16), 16),
          out.mutable_values<float>().begin() + t * 16);
    }
    return qkv.with_values(out);
  };
  for (const Kind kind : kKinds) {
    const auto config = config_of(kind, random.tensor(table_shape(kind, 20, 2, 8)), 2);
    test::expect_same_bits(attention(part(0), part(1), part(2), config).values(),
                           self_attention(qkv, config).values());
  }
}

// Runs `check` with f32 and with bf16 operands, on the instruction sets that have them.
template <class F>
void for_each_dtype(F&& check) {
  check(DType::f32);
  const Execution tiles({.num_threads = 1, .isa = Isa::amx_emulated});
  const ExecutionScope scope(tiles);
  check(DType::bf16);
}

TEST(RelativePositions, ASequenceHasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(4);
  const auto layout = layout_of({5, 0, 300, 1, 97, 600});
  const Tensor values = random.tensor({layout.num_tokens(), 3 * 32});
  for_each_dtype([&](DType dtype) {
    const Execution three({.num_threads = 3, .isa = current_execution().isa()});
    const RaggedTensor qkv(values.to(dtype), layout);
    for (const Kind kind : kKinds) {
      SCOPED_TRACE(to_string(kind));
      auto config = config_of(kind, random.tensor(table_shape(kind, 700, 2, 16)), 2);
      for (const AttentionPattern& pattern :
           {AttentionPattern::full(), AttentionPattern::window(20, 20)}) {
        config.pattern = pattern;
        const RaggedTensor batch = self_attention(qkv, config);
        {
          const ExecutionScope scope(three);
          test::expect_same_bits(self_attention(qkv, config).values(), batch.values());
        }
        for (int64_t b = 0; b < layout.num_sequences(); ++b) {
          const RaggedTensor alone(qkv.sequence(b), layout_of({layout.length(b)}));
          test::expect_same_bits(self_attention(alone, config).values(), batch.sequence(b));
        }
      }
    }
  });
}

TEST(RelativePositions, InBf16AreThoseOfF32) {
  const Execution tiles({.num_threads = 1, .isa = Isa::amx_emulated});
  const ExecutionScope scope(tiles);
  for_each_case(5, layout_of({1, 0, 2, 17, 600}), {1, 3, 24, 64, 80},
                [](const RaggedTensor& qkv, const AttentionConfig& config) {
                  const RaggedTensor narrow = qkv.with_values(qkv.values().to(DType::bf16));
                  const RaggedTensor wide = qkv.with_values(narrow.values().to(DType::f32));
                  // Weights and results are rounded to bf16; values are within 1.
                  test::expect_close(self_attention(narrow, config).values(),
                                     self_attention(wide, config).values(), {4e-3, 1.0 / 128});
                });
}

TEST(RelativePositions, ANeighboursNanAndAHiddenTokensReachNobodyElse) {
  test::Random random(6);
  const auto layout = layout_of({20, 7, 40});
  for_each_dtype([&](DType dtype) {
    for (const Kind kind : kKinds) {
      SCOPED_TRACE(to_string(kind));
      auto config = config_of(kind, random.tensor(table_shape(kind, 40, 2, 16)), 2);
      config.pattern = AttentionPattern::window(4, 4);
      const Tensor clean = random.tensor({67, 3 * 32});
      Tensor poisoned = Tensor::from_values(clean.values<float>(), clean.shape());
      for (const auto& [begin, end] : {std::pair{20, 27}, std::pair{47, 48}}) {
        Tensor rows = poisoned.rows(begin, end);
        std::ranges::fill(rows.mutable_values<float>(), kNan);
      }
      const Tensor expected = self_attention({clean.to(dtype), layout}, config).values();
      const Tensor actual = self_attention({poisoned.to(dtype), layout}, config).values();
      for (const auto& [begin, end] : {std::pair{0, 20}, std::pair{27, 43}, std::pair{52, 67}}) {
        test::expect_same_bits(actual.rows(begin, end), expected.rows(begin, end));
      }
      const Tensor hit = actual.rows(43, 52).to(DType::f32);
      for (const float value : hit.values<float>()) EXPECT_TRUE(std::isnan(value));
    }
  });
}

// ---- gradients

TEST(RelativePositionsGradient, EqualsCentralDifferencesOfOperandsAndTable) {
  test::Random random(7);
  const auto layout = layout_of({3, 0, 1, 5});
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(to_string(kind));
    const Tensor qkv = random.tensor({9, 3 * 6}, -2, 2).to(DType::f64);
    const Tensor table = random.tensor(table_shape(kind, 6, 2, 3)).to(DType::f64);
    for (const AttentionPattern& pattern : {AttentionPattern::full(), AttentionPattern::causal()}) {
      test::expect_gradients(
          [&](std::span<const Tensor> in) {
            auto config = config_of(kind, in[1], 2);
            config.pattern = pattern;
            config.dropout = {.rate = 0.3};
            return self_attention({in[0], layout}, config).values();
          },
          {qkv, table});
    }
    const auto operand = [&] { return random.tensor({9, 6}, -2, 2).to(DType::f64); };
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return attention({in[0], layout}, {in[1], layout}, {in[2], layout},
                           config_of(kind, in[3], 2))
              .values();
        },
        {operand(), operand(), operand(), table});
  }
}

struct Gradients {
  Tensor d_qkv, d_table;
};

Gradients gradients_of(const RaggedTensor& qkv, Kind kind, const Tensor& table,
                       const Tensor& d_out) {
  Tensor leaf = autograd::detach(qkv.values()), table_leaf = autograd::detach(table);
  autograd::require_grad(leaf);
  autograd::require_grad(table_leaf);
  const auto out = self_attention(qkv.with_values(leaf), config_of(kind, table_leaf, 2));
  const auto all = autograd::backward(out.values(), d_out);
  return {all.of(leaf), all.of(table_leaf)};
}

TEST(RelativePositionsGradient, InF32IsThatInF64OnAnyNumberOfThreads) {
  test::Random random(8);
  const Execution three({.num_threads = 3});
  const auto layout = layout_of({0, 1, 33, 130, 97});
  const RaggedTensor qkv(random.tensor({261, 3 * 32}), layout);
  const Tensor d_out = random.tensor({261, 32});
  for (const Kind kind : kKinds) {
    SCOPED_TRACE(to_string(kind));
    const Tensor table = random.tensor(table_shape(kind, 140, 2, 16));
    const Gradients wide = gradients_of(qkv.with_values(qkv.values().to(DType::f64)), kind,
                                        table.to(DType::f64), d_out.to(DType::f64));
    const Gradients narrow = gradients_of(qkv, kind, table, d_out);
    test::expect_close(narrow.d_qkv, wide.d_qkv, {1e-5, 1e-5});
    test::expect_close(narrow.d_table, wide.d_table, {3e-5, 3e-5});
    const ExecutionScope scope(three);
    const Gradients again = gradients_of(qkv, kind, table, d_out);
    test::expect_same_bits(again.d_qkv, narrow.d_qkv);
    test::expect_same_bits(again.d_table, narrow.d_table);
  }
}

TEST(RelativePositionsGradient, ReachesOnlyWhatNeedsOne) {
  test::Random random(9);
  const auto layout = layout_of({4, 3});
  const RaggedTensor qkv(random.tensor({7, 3 * 8}), layout);
  const Tensor d_out = random.tensor({7, 8});
  for (const Kind kind : kKinds) {
    const Tensor table = random.tensor(table_shape(kind, 4, 2, 4));
    const Gradients both = gradients_of(qkv, kind, table, d_out);
    Tensor table_leaf = autograd::detach(table);
    autograd::require_grad(table_leaf);
    const auto from_table = self_attention(qkv, config_of(kind, table_leaf, 2));
    test::expect_same_bits(autograd::backward(from_table.values(), d_out).of(table_leaf),
                           both.d_table);
    Tensor leaf = autograd::detach(qkv.values());
    autograd::require_grad(leaf);
    const auto from_values = self_attention(qkv.with_values(leaf), config_of(kind, table, 2));
    test::expect_same_bits(autograd::backward(from_values.values(), d_out).of(leaf), both.d_qkv);
  }
}

TEST(RelativePositionsGradient, OfAnEmptyBatchIsZeros) {
  for (const Kind kind : kKinds) {
    const Shape shape = table_shape(kind, 4, 2, 4);
    const Gradients none = gradients_of({Tensor::zeros({0, 24}), layout_of({0, 0})}, kind,
                                        Tensor::zeros(shape), Tensor::zeros({0, 8}));
    EXPECT_EQ(none.d_qkv.shape(), Shape({0, 24}));
    test::expect_same_bits(none.d_table, Tensor::zeros(shape));
  }
}

TEST(RelativePositionsGradient, ANeighboursNanReachesOnlyTheTable) {
  test::Random random(10);
  const auto layout = layout_of({10, 7, 10});
  RaggedTensor qkv(random.tensor({27, 3 * 8}), layout);
  const Tensor d_out = random.tensor({27, 8});
  for (const Kind kind : kKinds) {
    const Tensor table = random.tensor(table_shape(kind, 10, 2, 4));
    const Tensor clean = gradients_of(qkv, kind, table, d_out).d_qkv;
    Tensor copy = Tensor::from_values(qkv.values().values<float>(), qkv.values().shape());
    Tensor middle = copy.rows(10, 17);
    std::ranges::fill(middle.mutable_values<float>(), kNan);
    const Tensor poisoned = gradients_of(qkv.with_values(copy), kind, table, d_out).d_qkv;
    test::expect_same_bits(poisoned.rows(0, 10), clean.rows(0, 10));
    test::expect_same_bits(poisoned.rows(17, 27), clean.rows(17, 27));
  }
}

// ---- contracts

TEST(RelativePositions, OfAnotherShapeOrTypeAreRefused) {
  test::expect_error<ShapeError>(
      [] {
        RelativePositions::bias(Tensor::zeros({2, 6}));
      },
      "RelativePositions: bias: expected [H, 2M-1], got [2, 6]");
  test::expect_error<ShapeError>(
      [] {
        RelativePositions::key(Tensor::zeros({6, 3}));
      },
      "RelativePositions: key: expected [2M-1, head size], got [6, 3]");
  test::expect_error<ShapeError>(
      [] { RelativePositions::key_query(Tensor::zeros({5})); },
      "RelativePositions: key_query: expected [2M-1, head size], got [5]");
  test::expect_error<DTypeError>(
      [] {
        RelativePositions::bias(Tensor::zeros({2, 5}, DType::bf16));
      },
      "RelativePositions: bias: expected f32 or f64, got bf16");
  EXPECT_EQ(RelativePositions::bias(Tensor::zeros({2, 5})).max_tokens(), 3);
  EXPECT_EQ(RelativePositions::key(Tensor::zeros({7, 2})).max_tokens(), 4);
}

TEST(RelativePositions, ThatDoNotFitTheCallAreRefused) {
  const RaggedTensor qkv(Tensor::zeros({5, 3 * 8}), layout_of({2, 3}));
  const auto call = [&](Kind kind, const Tensor& table) {
    return [&qkv, kind, table] { self_attention(qkv, config_of(kind, table, 2)); };
  };
  test::expect_error<ShapeError>(
      call(Kind::bias, Tensor::zeros({3, 5})),
      "attention: relative_positions: expected a table [2, 5], got [3, 5]");
  test::expect_error<ShapeError>(
      call(Kind::key, Tensor::zeros({5, 8})),
      "attention: relative_positions: expected a table [5, 4], got [5, 8]");
  test::expect_error<DTypeError>(call(Kind::key, Tensor::zeros({5, 4}, DType::f64)),
                                 "attention: relative_positions: expected a table of f32 beside "
                                 "operands of f32, got f64");
  test::expect_error<LimitError>(
      call(Kind::key, Tensor::zeros({3, 4})),
      "attention: relative_positions: expected sequences of at most 2 tokens, got one of 3");
}

TEST(RelativePositions, BetweenTwoLayoutsAreRefused) {
  const RaggedTensor q(Tensor::zeros({5, 8}), layout_of({2, 3}));
  const RaggedTensor k(Tensor::zeros({5, 8}), layout_of({3, 2}));
  test::expect_error<LayoutError>(
      [&] {
        attention(q, k, k, config_of(Kind::key, Tensor::zeros({5, 4}), 2));
      },
      "attention: k: beside relative positions: expected the query's layout (B=2, T=5), got (B=2, "
      "T=5) whose sequence 0 has 3 tokens, not 2");
}

TEST(RelativePositions, ATablesGradientInBf16IsRefused) {
  const Execution tiles({.num_threads = 1, .isa = Isa::amx_emulated});
  const ExecutionScope scope(tiles);
  Tensor table = Tensor::zeros({5, 4});
  autograd::require_grad(table);
  const RaggedTensor qkv(Tensor::zeros({5, 24}, DType::bf16), layout_of({2, 3}));
  EXPECT_THROW(self_attention(qkv, config_of(Kind::key, table, 2)), OptionError);
}

}  // namespace
}  // namespace nopad::ops
