#include "kernels/gemm_bf16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "bf16_values.h"
#include "isas.h"
#include "nopad/core/storage.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::kernels {
namespace {

using test::bits_of;
using test::expect_close;
using test::kBf16Nan;
using test::random_bf16;
using test::to_floats;
using test::Tolerance;

// Around the rows of a tile, of a pair of tiles and of several; the width of a tile and of a panel;
// one step of the depth and more than one slice of it.
constexpr int64_t kRowCounts[] = {1, 2, 15, 16, 17, 31, 32, 33, 37, 49, 100};
constexpr int64_t kWidths[] = {1, 15, 16, 31, 32, 33, 50, 64, 99};
constexpr int64_t kDepths[] = {1, 2, 31, 32, 33, 50, 99, 128, 800};

// The rounding of k products of order 1 grows with the root of k.
Tolerance sums_of(int64_t k) { return {2e-6 * std::sqrt(static_cast<double>(k)), 1e-5}; }
// One rounding to bf16 more, which may fall on the other side of a tie.
Tolerance rounded_sums_of(int64_t k) { return {sums_of(k).max_abs, 1.0 / 128}; }

// Leaves NaNs where the kernel will keep its buffers.
[[gnu::noinline]] void poison_stack() {
  volatile uint16_t garbage[100'000];
  for (volatile uint16_t& bits : garbage) bits = kBf16Nan.bits;
}

struct Product {
  Product(Isa isa, uint64_t seed, int64_t m_, int64_t n_, int64_t k_)
      : gemm(gemm_bf16(isa)), random(seed), m(m_), n(n_), k(k_) {
    for (int64_t i = 0; i < n * k; ++i) w.push_back(random.real());
    num_panels = (n + gemm.panel_width - 1) / gemm.panel_width;
    const auto elements = static_cast<size_t>(gemm.packed_elements(n, k));
    storage = Storage::allocate(elements * sizeof(BFloat16));
    // What the packing does not write is not a number.
    std::fill_n(packed(), elements, kBf16Nan);
    gemm.pack(w.data(), n, k, {0, num_panels}, packed());
    a = random_bf16(random, m * k);
    c.resize(static_cast<size_t>(m * n));
    problem = {.m = m,
               .n = n,
               .k = k,
               .a = a.data(),
               .a_stride = k,
               .packed = packed(),
               .c = c.data(),
               .c_stride = n};
  }
  BFloat16* packed() { return reinterpret_cast<BFloat16*>(storage.mutable_data()); }

  void multiply() {
    poison_stack();
    gemm.multiply(problem, {0, m}, {0, num_panels});
  }
  std::vector<BFloat16> reference() const {
    std::vector<BFloat16> expected(c.size());
    GemmBf16Problem copy = problem;
    copy.c = expected.data();
    ref::multiply(copy, w.data());
    return expected;
  }

  const GemmBf16& gemm;
  test::Random random;
  int64_t m, n, k, num_panels;
  std::vector<float> w;
  std::vector<BFloat16> a, c;
  Storage storage;
  GemmBf16Problem problem;
};

TEST(GemmBf16Units, TheHardwareGivesTheEmulationsBits) {
  if (!is_supported(Isa::amx)) GTEST_SKIP() << "this machine has no AMX";
  for (const int64_t k : {20, 64, 1700}) {
    Product hardware(Isa::amx, 14, 70, 99, k), emulated(Isa::amx_emulated, 14, 70, 99, k);
    hardware.problem.activation = emulated.problem.activation = Activation::gelu;
    hardware.multiply();
    emulated.multiply();
    EXPECT_EQ(bits_of(hardware.c), bits_of(emulated.c)) << k;
  }
}

class GemmBf16Kernel : public testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, GemmBf16Kernel, testing::ValuesIn(test::tile_isas()),
                         test::isa_name);

TEST(GemmBf16Reference, RoundsTheWeightAndTheResult) {
  const std::vector<float> w = {1.0f + 1.0f / 512};  // 1 in bf16
  const BFloat16 a(3.0f);
  const float bias = 1.0f / 256;
  BFloat16 c;
  float c_f32 = 0;
  GemmBf16Problem problem = {
      .m = 1, .n = 1, .k = 1, .a = &a, .a_stride = 1, .c = &c, .c_stride = 1, .bias = &bias};
  ref::multiply(problem, w.data());
  EXPECT_EQ(static_cast<float>(c), 3.0f);
  problem.c = nullptr;
  problem.c_f32 = &c_f32;
  ref::multiply(problem, w.data());
  EXPECT_EQ(c_f32, 3.0f + 1.0f / 256);
}

TEST_P(GemmBf16Kernel, EqualsTheReferenceForEveryShape) {
  for (const int64_t m : kRowCounts) {
    for (const int64_t n : kWidths) {
      for (const int64_t k : kDepths) {
        SCOPED_TRACE(testing::Message() << "M " << m << ", N " << n << ", K " << k);
        Product product(GetParam(), 1, m, n, k);
        product.multiply();
        expect_close(to_floats(product.c), to_floats(product.reference()), rounded_sums_of(k));
      }
    }
  }
}

TEST_P(GemmBf16Kernel, EqualsTheReferenceOverSeveralGroupsOfPanelsAndSlices) {
  Product product(GetParam(), 2, 70, 1100, 1700);
  product.multiply();
  expect_close(to_floats(product.c), to_floats(product.reference()), rounded_sums_of(1700));
}

TEST_P(GemmBf16Kernel, AppliesBiasThenActivationThenResidual) {
  constexpr int64_t m = 35, n = 45, k = 70;
  Product product(GetParam(), 3, m, n, k);
  std::vector<float> bias;
  for (int64_t i = 0; i < n; ++i) bias.push_back(product.random.real());
  const auto residual = random_bf16(product.random, m * (n + 3));
  product.problem.bias = bias.data();
  product.problem.residual = residual.data();
  product.problem.residual_stride = n + 3;
  for (int i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    SCOPED_TRACE(to_string(activation));
    product.problem.activation = activation;
    product.multiply();
    expect_close(to_floats(product.c), to_floats(product.reference()), {2e-5, 1.0 / 128});
  }
}

TEST_P(GemmBf16Kernel, ResultsInF32AreNotRounded) {
  constexpr int64_t m = 18, n = 37, k = 130;
  Product product(GetParam(), 4, m, n, k);
  std::vector<float> actual(m * n), expected(m * n);
  product.problem.c = nullptr;
  product.problem.c_f32 = actual.data();
  product.multiply();
  product.problem.c_f32 = expected.data();
  ref::multiply(product.problem, product.w.data());
  expect_close(actual, expected, sums_of(k));
}

TEST_P(GemmBf16Kernel, RoundsTheResultInF32ToNearestEven) {
  Product product(GetParam(), 5, 33, 50, 65);
  product.multiply();
  const auto rounded = product.c;
  std::vector<float> exact(rounded.size());
  product.problem.c = nullptr;
  product.problem.c_f32 = exact.data();
  product.multiply();
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_EQ(rounded[i].bits, BFloat16(exact[i]).bits);
}

TEST_P(GemmBf16Kernel, CuttingTheProductAnywhereChangesNoBit) {
  constexpr int64_t m = 101, n = 200;
  for (const int64_t k : {50, 800}) {
    Product product(GetParam(), 6, m, n, k);
    product.problem.activation = Activation::gelu;
    product.multiply();
    const auto whole = bits_of(product.c);
    for (int round = 0; round < 10; ++round) {
      std::ranges::fill(product.c, kBf16Nan);
      for (int64_t row = 0; row < m;) {
        const int64_t row_end = std::min(m, row + product.random.integer(1, 50));
        for (int64_t panel = 0; panel < product.num_panels;) {
          const int64_t end = std::min(product.num_panels, panel + product.random.integer(1, 5));
          product.gemm.multiply(product.problem, {row, row_end}, {panel, end});
          panel = end;
        }
        row = row_end;
      }
      ASSERT_EQ(bits_of(product.c), whole);
    }
  }
}

TEST_P(GemmBf16Kernel, ARowIsTheSameBitsAloneAndAmongOthers) {
  constexpr int64_t m = 61, n = 70, k = 100;
  Product product(GetParam(), 7, m, n, k);
  product.multiply();
  const auto whole = bits_of(product.c);
  std::vector<BFloat16> row(n);
  for (int64_t i = 0; i < m; ++i) {
    GemmBf16Problem alone = product.problem;
    alone.m = 1;
    alone.a += i * k;
    alone.c = row.data();
    product.gemm.multiply(alone, {0, 1}, {0, product.num_panels});
    EXPECT_TRUE(
        std::ranges::equal(bits_of(row), std::span(whole).subspan(static_cast<size_t>(i * n), n)))
        << i;
  }
}

TEST_P(GemmBf16Kernel, PackingInPiecesGivesTheSamePack) {
  Product product(GetParam(), 8, 1, 150, 70);
  const auto elements = static_cast<size_t>(product.gemm.packed_elements(150, 70));
  Storage pieces = Storage::allocate(elements * sizeof(BFloat16));
  auto* const packed = reinterpret_cast<BFloat16*>(pieces.mutable_data());
  for (const Range panels : {Range{3, 5}, Range{0, 1}, Range{1, 3}}) {
    product.gemm.pack(product.w.data(), 150, 70, panels, packed);
  }
  EXPECT_EQ(bits_of({packed, elements}), bits_of({product.packed(), elements}));
}

TEST_P(GemmBf16Kernel, ReadsAndWritesNothingOutsideItsOperands) {
  constexpr int64_t gap = 5;
  for (const int64_t m : {1, 7, 16, 17, 40}) {
    for (const int64_t k : {19, 64, 83}) {
      constexpr int64_t n = 21;
      Product product(GetParam(), 9, m, n, k);
      // NaN between the rows, and no byte behind the last one: the address sanitizer sees the rest.
      std::vector<BFloat16> a(static_cast<size_t>((m - 1) * (k + gap) + k), kBf16Nan);
      std::vector<BFloat16> c(static_cast<size_t>((m - 1) * (n + gap) + n), BFloat16(42.0f));
      for (int64_t row = 0; row < m; ++row) {
        std::copy_n(product.a.begin() + row * k, k, a.begin() + row * (k + gap));
      }
      product.problem.a = a.data();
      product.problem.a_stride = k + gap;
      product.problem.c = c.data();
      product.problem.c_stride = n + gap;
      product.multiply();
      for (size_t i = 0; i < c.size(); ++i) {
        const auto column = static_cast<int64_t>(i) % (n + gap);
        const auto value = static_cast<float>(c[i]);
        if (column < n) {
          EXPECT_TRUE(std::isfinite(value)) << i;
        } else {
          EXPECT_EQ(value, 42.0f) << i;
        }
      }
    }
  }
}

TEST_P(GemmBf16Kernel, ABlockWritesNothingOutsideItself) {
  constexpr int64_t m = 40, n = 90, k = 33;
  Product product(GetParam(), 10, m, n, k);
  std::ranges::fill(product.c, BFloat16(42.0f));
  product.gemm.multiply(product.problem, {3, 32}, {1, 2});
  for (int64_t i = 0; i < m * n; ++i) {
    const bool is_inside = i / n >= 3 && i / n < 32 && i % n >= 32 && i % n < 64;
    EXPECT_EQ(static_cast<float>(product.c[static_cast<size_t>(i)]) != 42.0f, is_inside) << i;
  }
}

TEST_P(GemmBf16Kernel, ANanStaysInItsOwnRow) {
  constexpr int64_t m = 37, n = 34, k = 40;
  Product product(GetParam(), 11, m, n, k);
  product.multiply();
  const auto clean = bits_of(product.c);
  for (const int64_t bad : {0, 12, 13, 25, 36}) {
    const BFloat16 kept = std::exchange(product.a[static_cast<size_t>(bad * k + 39)], kBf16Nan);
    product.multiply();
    product.a[static_cast<size_t>(bad * k + 39)] = kept;
    for (int64_t i = 0; i < m * n; ++i) {
      const BFloat16 value = product.c[static_cast<size_t>(i)];
      if (i / n == bad) {
        EXPECT_TRUE(std::isnan(static_cast<float>(value)));
      } else {
        EXPECT_EQ(value.bits, clean[static_cast<size_t>(i)]);
      }
    }
  }
}

TEST_P(GemmBf16Kernel, NoDepthLeavesTheBias) {
  Product product(GetParam(), 12, 3, 40, 0);
  const std::vector<float> bias(40, 2.5f);
  product.problem.bias = bias.data();
  product.multiply();
  for (const BFloat16 value : product.c) EXPECT_EQ(static_cast<float>(value), 2.5f);
}

TEST_P(GemmBf16Kernel, NoRowsAreNoWork) {
  Product product(GetParam(), 13, 0, 40, 8);
  product.multiply();
  EXPECT_TRUE(product.c.empty());
}

}  // namespace
}  // namespace nopad::kernels
