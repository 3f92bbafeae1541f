#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bf16_values.h"
#include "isas.h"
#include "kernels/attention.h"
#include "nopad/core/storage.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

using test::bits_of;
using test::kBf16Nan;
using test::random_bf16;
using test::to_floats;

// Weights and results are rounded to bf16: each by at most 2^-9 of itself, values are within 1.
constexpr test::Tolerance kRounding{4e-3, 1.0 / 128};
constexpr VisibleKeys kCausal{.after = 0};

// Queries, keys and values as they lie in a fused projection: one row per token, the three side by
// side.
struct Sequence {
  Sequence(uint64_t seed, int64_t length_, int64_t head_size_)
      : length(length_), head_size(head_size_), stride(3 * head_size_ + 2) {
    test::Random random(seed);
    qkv = random_bf16(random, length * stride);
    for (int64_t i = 0; i < length; ++i) {
      // Larger queries: weights that differ.
      for (int64_t j = 0; j < head_size; ++j) {
        BFloat16& q = at(i, j);
        q = BFloat16(static_cast<float>(q) * 3);
      }
      // What lies between the rows is not a number.
      at(i, stride - 1) = at(i, stride - 2) = kBf16Nan;
    }
    out.resize(static_cast<size_t>(length * head_size));
  }

  BFloat16& at(int64_t token, int64_t column) {
    return qkv[static_cast<size_t>(token * stride + column)];
  }
  BFloat16& key(int64_t token, int64_t i) { return at(token, head_size + i); }
  BFloat16& value(int64_t token, int64_t i) { return at(token, 2 * head_size + i); }

  template <class T>
  AttentionProblem<T> problem(const T* data, T* to, VisibleKeys visible) const {
    return {.num_queries = length,
            .num_keys = length,
            .head_size = head_size,
            .q = data,
            .k = data + head_size,
            .v = data + 2 * head_size,
            .out = to,
            .q_stride = stride,
            .k_stride = stride,
            .v_stride = stride,
            .out_stride = head_size,
            .scale = 1 / std::sqrt(static_cast<float>(head_size)),
            .visible = visible};
  }

  // In pieces of `piece` queries.
  const std::vector<BFloat16>& attend(Isa isa, VisibleKeys visible = {}, int64_t piece = 1 << 20) {
    const Attention<BFloat16>& attention = attention_bf16(isa);
    Storage scratch = Storage::allocate(static_cast<size_t>(attention.scratch_bytes(head_size)));
    std::fill_n(scratch.mutable_data(), scratch.num_bytes(), std::byte{0xff});
    std::ranges::fill(out, kBf16Nan);
    const auto wanted = problem<BFloat16>(qkv.data(), out.data(), visible);
    for (int64_t begin = 0; begin < length; begin += piece) {
      attention.attend(wanted, {begin, std::min(begin + piece, length)}, scratch.mutable_data());
    }
    return out;
  }
  std::vector<float> reference(VisibleKeys visible = {}) const {
    const auto wide = to_floats(qkv);
    std::vector<float> expected(out.size());
    ref::attend(problem<float>(wide.data(), expected.data(), visible));
    return expected;
  }

  int64_t length, head_size, stride;
  std::vector<BFloat16> qkv, out;
};

TEST(AttentionBf16Units, TheHardwareGivesTheEmulationsBits) {
  if (!is_supported(Isa::amx)) GTEST_SKIP() << "this machine has no AMX";
  Sequence sequence(13, 600, 33);
  const auto emulated = bits_of(sequence.attend(Isa::amx_emulated, kCausal));
  EXPECT_EQ(bits_of(sequence.attend(Isa::amx, kCausal)), emulated);
}

class AttentionBf16 : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, AttentionBf16, testing::ValuesIn(test::tile_isas()), test::isa_name);

TEST_P(AttentionBf16, OneKeyGivesItsValue) {
  Sequence sequence(1, 1, 33);
  sequence.attend(GetParam());
  for (int64_t i = 0; i < 33; ++i) {
    EXPECT_EQ(sequence.out[static_cast<size_t>(i)].bits, sequence.value(0, i).bits);
  }
}

TEST_P(AttentionBf16, EqualKeysGiveTheMeanOfTheValues) {
  Sequence sequence(2, 4, 8);
  for (int64_t token = 0; token < 4; ++token) {
    for (int64_t i = 0; i < 8; ++i) {
      sequence.key(token, i) = BFloat16(1.0f);
      sequence.value(token, i) = BFloat16(static_cast<float>(token + i));
    }
  }
  sequence.attend(GetParam());
  for (int64_t i = 0; i < 4 * 8; ++i) {
    EXPECT_EQ(static_cast<float>(sequence.out[static_cast<size_t>(i)]),
              1.5f + static_cast<float>(i % 8));
  }
}

TEST_P(AttentionBf16, EqualsTheReferenceForEveryLengthAndHeadSize) {
  for (const int64_t head_size : {8, 32, 33, 64, 96}) {
    for (const int64_t length : {0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 513, 1100}) {
      SCOPED_TRACE(testing::Message() << length << " tokens, head size " << head_size);
      Sequence sequence(3, length, head_size);
      test::expect_close(to_floats(sequence.attend(GetParam())), sequence.reference(), kRounding);
    }
  }
}

TEST_P(AttentionBf16, EqualsTheReferenceWhateverIsVisible) {
  for (const int64_t length : {1, 17, 33, 100, 600}) {
    for (const VisibleKeys visible :
         {kCausal, VisibleKeys{.before = 3, .after = 3}, VisibleKeys{.before = 0, .after = 0},
          VisibleKeys{.before = 40, .after = 0}, VisibleKeys{.before = 0},
          VisibleKeys{.before = -1, .after = 5}, VisibleKeys{.before = 550, .after = 20}}) {
      SCOPED_TRACE(testing::Message() << length << " tokens, " << visible.before << " before, "
                                      << visible.after << " after");
      Sequence sequence(4, length, 32);
      test::expect_close(to_floats(sequence.attend(GetParam(), visible)),
                         sequence.reference(visible), kRounding);
    }
  }
}

TEST_P(AttentionBf16, AQueryThatSeesNothingGetsZeros) {
  // Sees only the key before it, which the first query does not have.
  constexpr VisibleKeys visible{.before = 1, .after = -1};
  Sequence sequence(5, 40, 16);
  sequence.attend(GetParam(), visible);
  for (int64_t i = 0; i < 40 * 16; ++i) {
    const BFloat16 expected = i < 16 ? BFloat16(0.0f) : sequence.value(i / 16 - 1, i % 16);
    EXPECT_EQ(sequence.out[static_cast<size_t>(i)].bits, expected.bits) << i;
  }
}

TEST_P(AttentionBf16, NoKeysGiveZeros) {
  Sequence sequence(6, 20, 16);
  const Attention<BFloat16>& attention = attention_bf16(GetParam());
  Storage scratch = Storage::allocate(static_cast<size_t>(attention.scratch_bytes(16)));
  auto problem = sequence.problem<BFloat16>(sequence.qkv.data(), sequence.out.data(), {});
  problem.num_keys = 0;
  std::ranges::fill(sequence.out, kBf16Nan);
  attention.attend(problem, {0, 20}, scratch.mutable_data());
  for (const BFloat16 value : sequence.out) EXPECT_EQ(value.bits, 0);
}

TEST_P(AttentionBf16, AskedForInBlocksItGivesTheSameBits) {
  const int64_t block = attention_bf16(GetParam()).block_queries;
  Sequence sequence(7, 2 * block + 77, 32);
  for (const VisibleKeys visible : {VisibleKeys{}, kCausal}) {
    const auto whole = bits_of(sequence.attend(GetParam(), visible));
    EXPECT_EQ(bits_of(sequence.attend(GetParam(), visible, block)), whole);
  }
}

TEST_P(AttentionBf16, MoreKeysThatNobodySeesChangeNoBit) {
  // A causal sequence's beginning is the same, however long it goes on.
  Sequence whole(8, 700, 32);
  whole.attend(GetParam(), kCausal);
  for (const int64_t length : {1, 16, 32, 100, 512, 600}) {
    Sequence part = whole;
    part.length = length;
    part.attend(GetParam(), kCausal);
    const auto count = static_cast<size_t>(length * 32);
    EXPECT_EQ(bits_of(std::span(part.out).first(count)),
              bits_of(std::span(whole.out).first(count)));
  }
}

// A key or a value that is not a number reaches exactly the queries that see it.
void expect_poison_stays(Isa isa, Sequence sequence, VisibleKeys visible, int64_t bad,
                         bool is_value) {
  const auto clean = bits_of(sequence.attend(isa, visible));
  (is_value ? sequence.value(bad, 3) : sequence.key(bad, 3)) = kBf16Nan;
  sequence.attend(isa, visible);
  for (int64_t query = 0; query < sequence.length; ++query) {
    const Range seen = visible.of(query, sequence.length);
    const bool sees_it = seen.begin <= bad && bad < seen.end;
    for (int64_t i = 0; i < sequence.head_size; ++i) {
      const auto index = static_cast<size_t>(query * sequence.head_size + i);
      const bool expected = sees_it && (!is_value || i == 3);
      ASSERT_EQ(std::isnan(static_cast<float>(sequence.out[index])), expected)
          << query << ", " << i;
      if (!expected) {
        ASSERT_EQ(sequence.out[index].bits, clean[index]) << query << ", " << i;
      }
    }
  }
}

TEST_P(AttentionBf16, PoisonReachesOnlyWhoSeesIt) {
  for (const VisibleKeys visible : {kCausal, VisibleKeys{.before = 5, .after = 2}, VisibleKeys{}}) {
    for (const int64_t bad : {0, 15, 16, 33, 520, 599}) {
      for (const bool is_value : {false, true}) {
        SCOPED_TRACE(testing::Message() << (is_value ? "value " : "key ") << bad);
        expect_poison_stays(GetParam(), Sequence(9, 600, 33), visible, bad, is_value);
      }
    }
  }
}

TEST_P(AttentionBf16, EqualsTheReferenceForAnyKeep) {
  test::Random random(14);
  for (const int64_t length : {1, 17, 33, 100, 600}) {
    Sequence sequence(15, length, 33);
    const Tensor keep = random.coins({length, length});
    const auto with_keep = [&](auto problem) {
      problem.keep = keep.values<bool>().data();
      return problem;
    };
    const auto wide = to_floats(sequence.qkv);
    std::vector<float> expected(sequence.out.size());
    ref::attend(with_keep(sequence.problem<float>(wide.data(), expected.data(), kCausal)));
    const Attention<BFloat16>& attention = attention_bf16(GetParam());
    Storage scratch = Storage::allocate(static_cast<size_t>(attention.scratch_bytes(33)));
    const auto problem =
        with_keep(sequence.problem<BFloat16>(sequence.qkv.data(), sequence.out.data(), kCausal));
    attention.attend(problem, {0, length}, scratch.mutable_data());
    test::expect_close(to_floats(sequence.out), expected, kRounding);
    // A value that nobody sees may hold anything.
    for (int64_t i = 0; i < 33; ++i) {
      sequence.value(length - 1, i) = kBf16Nan;
      sequence.key(length - 1, i) = kBf16Nan;
    }
    const auto clean = bits_of(sequence.out);
    attention.attend(problem, {0, length}, scratch.mutable_data());
    const bool last_sees_itself = keep.values<bool>().back();
    const auto count = static_cast<size_t>((length - (last_sees_itself ? 1 : 0)) * 33);
    EXPECT_EQ(bits_of(std::span(sequence.out).first(count)),
              std::vector(clean.begin(), clean.begin() + static_cast<int64_t>(count)));
  }
}

TEST_P(AttentionBf16, EqualsTheReferenceWithBiasesAlongDiagonals) {
  test::Random random(16);
  for (const int64_t head_size : {3, 33, 64}) {
    for (const int64_t length : {1, 2, 17, 100, 600}) {
      Sequence sequence(17, length, head_size);
      const Tensor table = random.tensor({2 * length - 1}, -3, 3);
      const Tensor keep = random.coins({length, length});
      for (const bool has_keep : {false, true}) {
        const auto with_biases = [&](auto problem) {
          problem.biases = table.values<float>().data() + length - 1;
          problem.bias_stride = -1;
          problem.keep = has_keep ? keep.values<bool>().data() : nullptr;
          return problem;
        };
        for (const VisibleKeys visible : {VisibleKeys{}, VisibleKeys{.before = 40, .after = 3}}) {
          const auto wide = to_floats(sequence.qkv);
          std::vector<float> expected(sequence.out.size());
          ref::attend(with_biases(sequence.problem<float>(wide.data(), expected.data(), visible)));
          const Attention<BFloat16>& attention = attention_bf16(GetParam());
          Storage scratch =
              Storage::allocate(static_cast<size_t>(attention.scratch_bytes(head_size)));
          attention.attend(with_biases(sequence.problem<BFloat16>(sequence.qkv.data(),
                                                                  sequence.out.data(), visible)),
                           {0, length}, scratch.mutable_data());
          test::expect_close(to_floats(sequence.out), expected, kRounding);
        }
      }
    }
  }
}

TEST_P(AttentionBf16, ANegativeScaleStillHidesWhatKeepHides) {
  test::Random random(18);
  Sequence sequence(19, 70, 8);
  const Tensor keep = random.coins({70, 70});
  const Tensor biases = random.tensor({70, 70});
  for (const bool has_biases : {false, true}) {
    const auto negative = [&](auto problem) {
      problem.scale = -problem.scale;
      problem.keep = keep.values<bool>().data();
      problem.biases = has_biases ? biases.values<float>().data() : nullptr;
      problem.bias_stride = 70;
      return problem;
    };
    const auto wide = to_floats(sequence.qkv);
    std::vector<float> expected(sequence.out.size());
    ref::attend(negative(sequence.problem<float>(wide.data(), expected.data(), {})));
    const Attention<BFloat16>& attention = attention_bf16(GetParam());
    Storage scratch = Storage::allocate(static_cast<size_t>(attention.scratch_bytes(8)));
    attention.attend(
        negative(sequence.problem<BFloat16>(sequence.qkv.data(), sequence.out.data(), {})), {0, 70},
        scratch.mutable_data());
    test::expect_close(to_floats(sequence.out), expected, kRounding);
  }
}

TEST_P(AttentionBf16, AnInfiniteValueIsInfiniteForWhoSeesIt) {
  Sequence sequence(10, 40, 32);
  sequence.value(20, 1) = BFloat16(-INFINITY);
  sequence.attend(GetParam(), kCausal);
  for (int64_t query = 0; query < 40; ++query) {
    const auto result = static_cast<float>(sequence.out[static_cast<size_t>(query * 32 + 1)]);
    EXPECT_EQ(std::isfinite(result), query < 20) << query;
  }
}

TEST_P(AttentionBf16, PoisonBehindTheSequenceIsNeverRead) {
  for (const int64_t length : {1, 15, 31, 33, 100, 513}) {
    // The whole sequence and NaN behind it, as a neighbour in the batch would lie.
    Sequence alone(11, length, 32);
    const auto clean = bits_of(alone.attend(GetParam()));
    Sequence poisoned = alone;
    poisoned.qkv.resize(static_cast<size_t>((length + 64) * poisoned.stride), kBf16Nan);
    EXPECT_EQ(bits_of(poisoned.attend(GetParam())), clean);
  }
}

TEST_P(AttentionBf16, ManyEqualScoresOfAnySizeStayFinite) {
  for (const float size : {0.0f, 300.0f, -300.0f}) {
    Sequence sequence(12, 600, 16);
    for (int64_t token = 0; token < 600; ++token) {
      for (int64_t i = 0; i < 16; ++i) {
        sequence.at(token, i) = BFloat16(1.0f);
        sequence.key(token, i) = BFloat16(size);
        sequence.value(token, i) = BFloat16(0.5f);
      }
    }
    for (const BFloat16 value : sequence.attend(GetParam()))
      EXPECT_EQ(static_cast<float>(value), 0.5f);
  }
}

}  // namespace
}  // namespace nopad::kernels
