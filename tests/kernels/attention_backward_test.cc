#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "isas.h"
#include "kernels/attention.h"
#include "nopad/core/storage.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr VisibleKeys kCausal{.before = VisibleKeys::kAll, .after = 0};
constexpr VisibleKeys kWindow{.before = 3, .after = 5};
// Sums of up to 600 products of two roundings each.
constexpr test::Tolerance kGradient{2e-5, 5e-5};

struct Gradients {
  std::vector<float> d_q, d_k, d_v, d_biases;
  friend bool operator==(const Gradients&, const Gradients&) = default;
};

// One head of one sequence, its rows a little apart.
struct Head {
  Head(test::Random& random, int64_t num_queries_, int64_t num_keys_, int64_t head_size_)
      : num_queries(num_queries_),
        num_keys(num_keys_),
        head_size(head_size_),
        stride(head_size + 3) {
    for (auto* part : {&q, &d_out, &out}) part->resize(static_cast<size_t>(num_queries * stride));
    for (auto* part : {&k, &v}) part->resize(static_cast<size_t>(num_keys * stride));
    for (auto* part : {&q, &k, &v, &d_out}) {
      for (float& value : *part) value = random.real(-2, 2);
    }
    log_sums.resize(static_cast<size_t>(num_queries));
    keep = random.coins({num_queries, num_keys});
    biases = random.tensor({num_queries + num_keys}, -2, 2);
    factors = random.tensor({num_queries, num_keys});
    for (float& factor : factors.mutable_values<float>()) factor = factor > 0 ? 1.25f : 0.0f;
  }

  AttentionProblem<float> problem() {
    AttentionProblem<float> p;
    p.num_queries = num_queries;
    p.num_keys = num_keys;
    p.head_size = head_size;
    p.q = q.data();
    p.k = k.data();
    p.v = v.data();
    p.out = out.data();
    p.q_stride = p.k_stride = p.v_stride = p.out_stride = stride;
    p.scale = 1 / std::sqrt(static_cast<float>(head_size));
    p.visible = visible;
    if (has_keep) p.keep = keep.values<bool>().data();
    // Along the diagonals: query i and key j take the entry of their distance.
    if (has_biases) p.biases = biases.values<float>().data() + num_queries - 1;
    p.bias_stride = -1;
    if (has_factors) p.factors = factors.values<float>().data();
    p.log_sums = log_sums.data();
    return p;
  }

  AttentionGradients<float> start(Gradients& g) const {
    g.d_q.assign(q.size(), 7.0f);
    g.d_k.assign(k.size(), 0.0f);
    g.d_v.assign(v.size(), 0.0f);
    g.d_biases.assign(has_biases ? static_cast<size_t>(num_queries + num_keys) : 0, 0.0f);
    return {d_out.data(), g.d_q.data(), g.d_k.data(),
            g.d_v.data(), stride,       stride,
            stride,       stride,       has_biases ? g.d_biases.data() + num_queries - 1 : nullptr};
  }

  Gradients reference() {
    Gradients g;
    const auto out_gradients = start(g);
    ref::attend(problem());
    ref::differentiate(problem(), out_gradients, {0, num_queries});
    return g;
  }

  // In pieces of `piece` queries.
  Gradients differentiate(Isa isa, int64_t piece = 1 << 20) {
    Gradients g;
    const auto out_gradients = start(g);
    ref::attend(problem());
    const auto& backward = attention_backward_f32(isa);
    Storage scratch = Storage::allocate(static_cast<size_t>(backward.scratch_bytes(head_size)));
    // Nothing may depend on what scratch held before.
    std::fill_n(reinterpret_cast<float*>(scratch.mutable_data()),
                scratch.num_bytes() / sizeof(float), kNan);
    for (int64_t begin = 0; begin < num_queries; begin += piece) {
      backward.differentiate(problem(), out_gradients,
                             {begin, std::min(begin + piece, num_queries)}, scratch.mutable_data());
    }
    return g;
  }

  int64_t num_queries, num_keys, head_size, stride;
  VisibleKeys visible;
  bool has_keep = false, has_factors = false, has_biases = false;
  std::vector<float> q, k, v, d_out, out, log_sums;
  Tensor keep, factors, biases;
};

void expect_close(const Gradients& actual, const Gradients& expected) {
  test::expect_close(actual.d_q, expected.d_q, kGradient);
  test::expect_close(actual.d_k, expected.d_k, kGradient);
  test::expect_close(actual.d_v, expected.d_v, kGradient);
  // Up to 200 scores' gradients in one sum.
  test::expect_close(actual.d_biases, expected.d_biases, {5e-5, 1e-4});
}

class AttentionBackwardF32 : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, AttentionBackwardF32, testing::ValuesIn(test::vector_isas()),
                         test::isa_name);

TEST_P(AttentionBackwardF32, OneKeyPassesTheGradientToItsValueAndToNothingElse) {
  test::Random random(1);
  Head head(random, 1, 1, 4);
  const Gradients g = head.differentiate(GetParam());
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(g.d_q[i], 0, 1e-6);
    EXPECT_NEAR(g.d_k[i], 0, 1e-6);
    EXPECT_NEAR(g.d_v[i], head.d_out[i], 1e-6);
  }
}

TEST_P(AttentionBackwardF32, EqualsTheReferenceForEveryLengthAndRule) {
  test::Random random(2);
  for (const int64_t num_queries : {1, 7, 12, 97, 200}) {
    for (const int64_t num_keys : {1, 2, 31, 33, 127, 129, 300}) {
      for (const int64_t head_size : {1, 8, 33, 64, 200}) {
        SCOPED_TRACE(testing::Message() << num_queries << " queries, " << num_keys
                                        << " keys, head size " << head_size);
        Head head(random, num_queries, num_keys, head_size);
        for (const VisibleKeys visible : {VisibleKeys{}, kCausal, kWindow}) {
          head.visible = visible;
          expect_close(head.differentiate(GetParam()), head.reference());
        }
        head.has_keep = true;
        expect_close(head.differentiate(GetParam()), head.reference());
        head.has_factors = true;
        expect_close(head.differentiate(GetParam()), head.reference());
      }
    }
  }
}

TEST_P(AttentionBackwardF32, EqualsTheReferenceWithBiases) {
  test::Random random(8);
  for (const int64_t num_queries : {1, 7, 97, 200}) {
    for (const int64_t num_keys : {1, 33, 129}) {
      for (const int64_t head_size : {1, 5, 64}) {
        SCOPED_TRACE(testing::Message() << num_queries << " queries, " << num_keys
                                        << " keys, head size " << head_size);
        Head head(random, num_queries, num_keys, head_size);
        head.has_biases = true;
        for (const VisibleKeys visible : {VisibleKeys{}, kWindow}) {
          head.visible = visible;
          expect_close(head.differentiate(GetParam()), head.reference());
        }
        head.has_keep = head.has_factors = true;
        expect_close(head.differentiate(GetParam()), head.reference());
      }
    }
  }
}

TEST_P(AttentionBackwardF32, WhereTheQueriesAreCutChangesNoBit) {
  test::Random random(3);
  Head head(random, 300, 260, 33);
  const int64_t block = attention_backward_f32(GetParam()).block_queries;
  const Gradients whole = head.differentiate(GetParam());
  EXPECT_EQ(head.differentiate(GetParam(), block), whole);
  EXPECT_EQ(head.differentiate(GetParam(), 2 * block), whole);
}

TEST_P(AttentionBackwardF32, WhatIsNotWantedIsNotTouched) {
  test::Random random(4);
  Head head(random, 20, 30, 8);
  const Gradients all = head.differentiate(GetParam());
  const auto& backward = attention_backward_f32(GetParam());
  Storage scratch = Storage::allocate(static_cast<size_t>(backward.scratch_bytes(8)));
  for (int wanted = 0; wanted < 8; ++wanted) {
    Gradients g;
    auto gradients = head.start(g);
    if ((wanted & 1) == 0) gradients.d_q = nullptr;
    if ((wanted & 2) == 0) gradients.d_k = nullptr;
    if ((wanted & 4) == 0) gradients.d_v = nullptr;
    backward.differentiate(head.problem(), gradients, {0, 20}, scratch.mutable_data());
    if ((wanted & 1) != 0) {
      EXPECT_EQ(g.d_q, all.d_q);
    }
    if ((wanted & 2) != 0) {
      EXPECT_EQ(g.d_k, all.d_k);
    }
    if ((wanted & 4) != 0) {
      EXPECT_EQ(g.d_v, all.d_v);
    }
  }
}

TEST_P(AttentionBackwardF32, QueriesAndKeysThatMeetNobodyGetZeros) {
  test::Random random(5);
  Head head(random, 40, 20, 8);
  // Query i sees key i - 25 alone.
  head.visible = {.before = 25, .after = -25};
  const Gradients g = head.differentiate(GetParam());
  for (int64_t i = 0; i < 40; ++i) {
    for (int64_t j = 0; j < 8; ++j) {
      const auto at = static_cast<size_t>(i * head.stride + j);
      if (i < 25) {
        EXPECT_EQ(g.d_q[at], 0);
      }
      if (i < 15) {
        const float only = head.d_out[at + static_cast<size_t>(25 * head.stride)];
        EXPECT_NEAR(g.d_v[at], only, 1e-5);
      } else if (i < 20) {
        EXPECT_EQ(g.d_v[at], 0);
      }
    }
  }
}

// Which gradients changed when something became NaN.
struct Changes {
  std::vector<bool> queries, keys, values;
};

Changes changes_of(const Head& head, const Gradients& a, const Gradients& b) {
  const auto rows = [&](const std::vector<float>& x, const std::vector<float>& y, int64_t count) {
    std::vector<bool> changed(static_cast<size_t>(count));
    for (int64_t r = 0; r < count; ++r) {
      const int64_t begin = r * head.stride;
      changed[static_cast<size_t>(r)] =
          !std::equal(x.begin() + begin, x.begin() + begin + head.head_size, y.begin() + begin);
    }
    return changed;
  };
  return {rows(a.d_q, b.d_q, head.num_queries), rows(a.d_k, b.d_k, head.num_keys),
          rows(a.d_v, b.d_v, head.num_keys)};
}

enum class Bad { query, key, value, gradient };

TEST_P(AttentionBackwardF32, PoisonReachesOnlyWhoSeesIt) {
  test::Random random(6);
  constexpr int64_t kQueries = 150, kKeys = 140;
  Head head(random, kQueries, kKeys, 12);
  head.has_keep = true;
  const Gradients clean = head.differentiate(GetParam());
  const auto sees = [&](int64_t query, int64_t key) {
    return head.keep.values<bool>()[static_cast<size_t>(query * kKeys + key)];
  };
  for (const Bad bad : {Bad::query, Bad::key, Bad::value, Bad::gradient}) {
    for (const int64_t row : {0, 97, 130}) {
      Head poisoned = head;
      auto& part = bad == Bad::query   ? poisoned.q
                   : bad == Bad::key   ? poisoned.k
                   : bad == Bad::value ? poisoned.v
                                       : poisoned.d_out;
      part[static_cast<size_t>(row * head.stride + 5)] = kNan;
      const Changes changed = changes_of(head, poisoned.differentiate(GetParam()), clean);
      // A bad key or value spoils the queries that see it, and through their weights every key that
      // those see; a bad query or gradient spoils its own row and the keys that it sees.
      const bool is_query = bad == Bad::query || bad == Bad::gradient;
      for (int64_t i = 0; i < kQueries; ++i) {
        const bool spoilt = is_query ? i == row : sees(i, row);
        EXPECT_EQ(changed.queries[static_cast<size_t>(i)], spoilt) << i;
      }
      if (!is_query) continue;
      for (int64_t j = 0; j < kKeys; ++j) {
        EXPECT_EQ(changed.keys[static_cast<size_t>(j)], sees(row, j)) << j;
        EXPECT_EQ(changed.values[static_cast<size_t>(j)], sees(row, j)) << j;
      }
    }
  }
}

TEST_P(AttentionBackwardF32, ATokenOfAQueryWithoutGradientMayHoldAnything) {
  test::Random random(7);
  Head head(random, 130, 140, 12);
  std::fill_n(head.d_out.begin() + 99 * head.stride, head.head_size, 0.0f);
  const Gradients clean = head.differentiate(GetParam());
  std::fill_n(head.q.begin() + 99 * head.stride, head.head_size, kNan);
  EXPECT_EQ(head.differentiate(GetParam()), clean);
}

}  // namespace
}  // namespace nopad::kernels
