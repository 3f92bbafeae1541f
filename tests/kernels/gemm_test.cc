#include "kernels/gemm.h"

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

using test::expect_close;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// Around the rows of a tile and of a block, the width of a panel and the depth of a slice.
constexpr int64_t kRowCounts[] = {1, 2, 5, 6, 7, 12, 13, 95, 97, 130};
constexpr int64_t kWidths[] = {1, 15, 16, 33, 64, 99};
constexpr int64_t kDepths[] = {1, 31, 256, 257, 700};

std::vector<float> random_values(test::Random& random, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& value : out) value = random.real();
  return out;
}

// The weight of a product, as given and as packed for one instruction set.
struct Weight {
  Weight(Isa isa, test::Random& random, int64_t n_, int64_t k_)
      : gemm(gemm_f32(isa)), n(n_), k(k_), values(random_values(random, n * k)) {
    num_panels = (n + gemm.panel_width - 1) / gemm.panel_width;
    storage =
        Storage::allocate(static_cast<size_t>(num_panels * gemm.panel_width * k) * sizeof(float));
    gemm.pack(values.data(), n, k, {0, num_panels}, packed());
  }
  float* packed() { return reinterpret_cast<float*>(storage.mutable_data()); }

  const GemmF32& gemm;
  int64_t n, k, num_panels;
  std::vector<float> values;
  Storage storage;
};

GemmF32Problem problem_of(Weight& weight, const std::vector<float>& a, int64_t m,
                          std::vector<float>& c) {
  return {.m = m,
          .n = weight.n,
          .k = weight.k,
          .a = a.data(),
          .a_stride = weight.k,
          .packed = weight.packed(),
          .c = c.data(),
          .c_stride = weight.n};
}

class Gemm : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Gemm, testing::ValuesIn(test::vector_isas()), test::isa_name);

TEST_P(Gemm, EqualsTheReferenceForEveryShape) {
  test::Random random(1);
  for (const int64_t n : kWidths) {
    for (const int64_t k : kDepths) {
      Weight weight(GetParam(), random, n, k);
      for (const int64_t m : kRowCounts) {
        const auto a = random_values(random, m * k);
        std::vector<float> c(static_cast<size_t>(m * n)), expected(c.size());
        GemmF32Problem problem = problem_of(weight, a, m, c);
        weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
        problem.c = expected.data();
        ref::multiply(problem, weight.values.data());
        // The rounding of k products of order 1 grows with the root of k.
        expect_close(c, expected, {1e-6 * std::sqrt(static_cast<double>(k)), 1e-5});
      }
    }
  }
}

TEST_P(Gemm, AppliesBiasThenActivationThenResidual) {
  test::Random random(2);
  constexpr int64_t m = 14, n = 45, k = 300;
  Weight weight(GetParam(), random, n, k);
  const auto a = random_values(random, m * k);
  const auto bias = random_values(random, n);
  const auto residual = random_values(random, m * n);
  for (int i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    std::vector<float> c(static_cast<size_t>(m * n)), expected(c.size());
    GemmF32Problem problem = problem_of(weight, a, m, c);
    problem.bias = bias.data();
    problem.activation = activation;
    problem.residual = residual.data();
    problem.residual_stride = n;
    weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
    problem.c = expected.data();
    ref::multiply(problem, weight.values.data());
    expect_close(c, expected, {1e-5, 1e-5});
  }
}

TEST_P(Gemm, CuttingTheProductAnywhereChangesNoBit) {
  test::Random random(3);
  constexpr int64_t m = 101, n = 99, k = 300;
  Weight weight(GetParam(), random, n, k);
  const auto a = random_values(random, m * k);
  std::vector<float> whole(static_cast<size_t>(m * n)), pieces(whole.size());
  GemmF32Problem problem = problem_of(weight, a, m, whole);
  problem.activation = Activation::gelu;
  weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
  for (int round = 0; round < 20; ++round) {
    problem.c = pieces.data();
    for (int64_t row = 0; row < m;) {
      const int64_t row_end = std::min(m, row + random.integer(1, 40));
      for (int64_t panel = 0; panel < weight.num_panels;) {
        const int64_t panel_end = std::min(weight.num_panels, panel + random.integer(1, 3));
        weight.gemm.multiply(problem, {row, row_end}, {panel, panel_end});
        panel = panel_end;
      }
      row = row_end;
    }
    ASSERT_EQ(pieces, whole);
  }
}

std::vector<float> transposed(const std::vector<float>& values, int64_t rows, int64_t columns) {
  std::vector<float> out(values.size());
  for (int64_t i = 0; i < rows * columns; ++i) {
    out[static_cast<size_t>(i % columns * rows + i / columns)] = values[static_cast<size_t>(i)];
  }
  return out;
}

TEST_P(Gemm, TakesATransposedLeftSideBitForBit) {
  test::Random random(7);
  for (const int64_t k : kDepths) {
    Weight weight(GetParam(), random, 33, k);
    for (const int64_t m : kRowCounts) {
      const auto a = random_values(random, m * k);
      const auto a_transposed = transposed(a, m, k);
      std::vector<float> plain(static_cast<size_t>(m * weight.n)), c(plain.size());
      weight.gemm.multiply(problem_of(weight, a, m, plain), {0, m}, {0, weight.num_panels});
      GemmF32Problem problem = problem_of(weight, a_transposed, m, c);
      problem.a_stride = m;
      problem.a_is_transposed = true;
      const int64_t middle = m / 2;
      weight.gemm.multiply(problem, {0, middle}, {0, weight.num_panels});
      weight.gemm.multiply(problem, {middle, m}, {0, weight.num_panels});
      ASSERT_EQ(c, plain) << m << " x " << k;
    }
  }
}

TEST_P(Gemm, PacksATransposedWeightAsTheWeight) {
  test::Random random(8);
  for (const int64_t n : kWidths) {
    for (const int64_t k : kDepths) {
      Weight weight(GetParam(), random, n, k);
      const auto w_transposed = transposed(weight.values, n, k);
      std::vector<float> packed(
          static_cast<size_t>(weight.num_panels * weight.gemm.panel_width * k), kNan);
      weight.gemm.pack_transposed(w_transposed.data(), n, k, {0, weight.num_panels}, packed.data());
      ASSERT_TRUE(std::equal(packed.begin(), packed.end(), weight.packed())) << n << " x " << k;
    }
  }
}

TEST_P(Gemm, ReadsAndWritesNothingOutsideItsOperands) {
  test::Random random(4);
  constexpr int64_t m = 7, n = 21, k = 19, gap = 5;
  Weight weight(GetParam(), random, n, k);
  std::vector<float> a(m * (k + gap), kNan), c(m * (n + gap), 42.0f);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t i = 0; i < k; ++i) a[static_cast<size_t>(row * (k + gap) + i)] = random.real();
  }
  // What lies in the pack beyond N may be multiplied, but is never stored.
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = n - (weight.num_panels - 1) * weight.gemm.panel_width;
         j < weight.gemm.panel_width; ++j) {
      weight.packed()[((weight.num_panels - 1) * k + i) * weight.gemm.panel_width + j] = kNan;
    }
  }
  GemmF32Problem problem = problem_of(weight, a, m, c);
  problem.a_stride = k + gap;
  problem.c_stride = n + gap;
  weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t j = 0; j < n + gap; ++j) {
      const float value = c[static_cast<size_t>(row * (n + gap) + j)];
      if (j < n) {
        EXPECT_TRUE(std::isfinite(value)) << row << ", " << j;
      } else {
        EXPECT_EQ(value, 42.0f) << row << ", " << j;
      }
    }
  }
}

TEST_P(Gemm, ANanOrInfinityStaysInItsOwnRow) {
  test::Random random(5);
  constexpr int64_t m = 13, n = 34, k = 40;
  Weight weight(GetParam(), random, n, k);
  auto a = random_values(random, m * k);
  std::vector<float> clean(static_cast<size_t>(m * n)), poisoned(clean.size());
  GemmF32Problem problem = problem_of(weight, a, m, clean);
  weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
  a[6 * k + 3] = kNan;
  problem.c = poisoned.data();
  weight.gemm.multiply(problem, {0, m}, {0, weight.num_panels});
  for (int64_t i = 0; i < m * n; ++i) {
    if (i / n == 6) {
      EXPECT_TRUE(std::isnan(poisoned[static_cast<size_t>(i)]));
    } else {
      EXPECT_EQ(poisoned[static_cast<size_t>(i)], clean[static_cast<size_t>(i)]);
    }
  }
}

TEST_P(Gemm, ActivationsFollowTheirFormulasOverTheWholeRange) {
  constexpr int64_t count = 4001;
  test::Random random(6);
  Weight weight(GetParam(), random, 1, 1);
  weight.values = {1.0f};
  weight.gemm.pack(weight.values.data(), 1, 1, {0, 1}, weight.packed());
  std::vector<float> a;
  for (int64_t i = 0; i < count; ++i) a.push_back(static_cast<float>(i - count / 2) * 0.01f);
  a.insert(a.end(), {-1e4f, 1e4f, -0.0f, 1e-30f});
  const auto m = std::ssize(a);
  for (int i = 1; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    std::vector<float> c(a.size()), expected(a.size());
    GemmF32Problem problem = problem_of(weight, a, m, c);
    problem.activation = activation;
    weight.gemm.multiply(problem, {0, m}, {0, 1});
    problem.c = expected.data();
    ref::multiply(problem, weight.values.data());
    expect_close(c, expected, {1e-6, 1e-6});
    for (const float bad : {kNan}) {
      a[0] = bad;
      problem.c = c.data();
      weight.gemm.multiply(problem, {0, 1}, {0, 1});
      EXPECT_TRUE(std::isnan(c[0]));
      a[0] = static_cast<float>(-count / 2) * 0.01f;
    }
  }
}

}  // namespace
}  // namespace nopad::kernels
