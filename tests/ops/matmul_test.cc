#include "nopad/ops/matmul.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using autograd::require_grad;

constexpr std::array<MatmulConfig, 4> kTransposes = {
    {{false, false}, {true, false}, {false, true}, {true, true}}};

// An operand's matrix of rows x columns as it is stored.
Shape stored(std::vector<int64_t> batch, int64_t rows, int64_t columns, bool transpose) {
  batch.push_back(transpose ? columns : rows);
  batch.push_back(transpose ? rows : columns);
  return Shape(batch);
}

// Elements in f64; `at` is that of the element (row, column) of one matrix.
double plain_element(const Tensor& x, int64_t matrix, int64_t row, int64_t column, bool transpose) {
  const int64_t width = x.dim(-1), height = x.dim(-2);
  const int64_t at = transpose ? column * width + row : row * width + column;
  return x.values<double>()[static_cast<size_t>(matrix * width * height + at)];
}

// One matrix of a by one of b, in f64.
void plain_product(const Tensor& a, int64_t a_matrix, const Tensor& b, int64_t b_matrix,
                   MatmulConfig config, std::vector<double>& out) {
  const int64_t m = a.dim(config.transpose_a ? -1 : -2), k = a.dim(config.transpose_a ? -2 : -1);
  const int64_t n = b.dim(config.transpose_b ? -2 : -1);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t step = 0; step < k; ++step) {
        sum += plain_element(a, a_matrix, i, step, config.transpose_a) *
               plain_element(b, b_matrix, step, j, config.transpose_b);
      }
      out.push_back(sum);
    }
  }
}

TEST(Matmul, MultipliesByHand) {
  const Tensor a = Tensor::from_values<float>(std::array{1.0f, 2.0f, 3.0f, 4.0f}, {2, 2});
  const Tensor b = Tensor::from_values<float>(std::array{5.0f, 6.0f, 7.0f, 8.0f}, {2, 2});
  const auto product = [&](MatmulConfig config) { return matmul(a, b, config); };
  test::expect_close(product({}).values<float>(), std::array{19.0f, 22.0f, 43.0f, 50.0f},
                     test::kExact);
  test::expect_close(product({.transpose_a = true}).values<float>(),
                     std::array{26.0f, 30.0f, 38.0f, 44.0f}, test::kExact);
  test::expect_close(product({.transpose_b = true}).values<float>(),
                     std::array{17.0f, 23.0f, 39.0f, 53.0f}, test::kExact);
}

TEST(Matmul, EqualsTheFormulaForEveryShapeAndTranspose) {
  test::Random random(1);
  for (const int64_t m : {1, 15, 97}) {
    for (const int64_t n : {1, 33, 65}) {
      for (const int64_t k : {1, 16, 130}) {
        for (const MatmulConfig config : kTransposes) {
          const Tensor a = random.tensor(stored({2}, m, k, config.transpose_a)).to(DType::f64);
          const Tensor b = random.tensor(stored({2}, k, n, config.transpose_b)).to(DType::f64);
          std::vector<double> expected;
          for (const int64_t i : {0, 1}) plain_product(a, i, b, i, config, expected);
          test::expect_close(matmul(a, b, config).values<double>(), expected, test::kF64);
          const Tensor f32 = matmul(a.to(DType::f32), b.to(DType::f32), config);
          test::expect_close(f32.values<float>(), expected,
                             {1e-6 * std::sqrt(static_cast<double>(k)), 1e-5});
        }
      }
    }
  }
}

TEST(Matmul, BroadcastsTheBatchFromTheLastAxis) {
  test::Random random(2);
  const Tensor a = random.tensor({3, 1, 4, 5}).to(DType::f64);
  const Tensor b = random.tensor({2, 5, 6}).to(DType::f64);
  const Tensor c = matmul(a, b);
  EXPECT_EQ(c.shape(), (Shape{3, 2, 4, 6}));
  std::vector<double> expected;
  for (int64_t i = 0; i < 6; ++i) plain_product(a, i / 2, b, i % 2, {}, expected);
  test::expect_close(c.values<double>(), expected, test::kF64);
  test::expect_close(matmul(a.to(DType::f32), b.to(DType::f32)), c, {3e-6, 1e-5});
}

TEST(Matmul, OneRightSideServesAllOfABatch) {
  test::Random random(3);
  const Tensor a = random.tensor({3, 2, 4, 5}).to(DType::f64);
  const Tensor b = random.tensor({1, 6, 5}).to(DType::f64);
  const Tensor c = matmul(a, b, {.transpose_b = true});
  EXPECT_EQ(c.shape(), (Shape{3, 2, 4, 6}));
  std::vector<double> expected;
  for (int64_t i = 0; i < 6; ++i) plain_product(a, i, b, 0, {.transpose_b = true}, expected);
  test::expect_close(c.values<double>(), expected, test::kF64);
}

TEST(Matmul, HasTheGradientsOfCentralDifferences) {
  test::Random random(4);
  for (const MatmulConfig config : kTransposes) {
    const auto f = [&](std::span<const Tensor> in) { return matmul(in[0], in[1], config); };
    const auto check = [&](std::vector<int64_t> a_batch, std::vector<int64_t> b_batch) {
      test::expect_gradients(
          f, {random.tensor(stored(a_batch, 3, 2, config.transpose_a)).to(DType::f64),
              random.tensor(stored(b_batch, 2, 4, config.transpose_b)).to(DType::f64)});
    };
    check({}, {});
    check({2, 3}, {2, 3});
    check({2, 3}, {});
    check({2}, {1});
    check({}, {2, 2});
    check({2, 1}, {3});
  }
}

TEST(Matmul, HasInF32TheGradientsOfF64) {
  test::Random random(5);
  for (const MatmulConfig config : kTransposes) {
    const auto gradients = [&](Tensor a, Tensor b, const Tensor& d) {
      require_grad(a);
      require_grad(b);
      const autograd::Gradients found = autograd::backward(matmul(a, b, config), d);
      return std::array{found.of(a), found.of(b)};
    };
    const Tensor a = random.tensor(stored({2}, 33, 40, config.transpose_a));
    const Tensor b = random.tensor(stored({}, 40, 17, config.transpose_b));
    const Tensor d = random.tensor({2, 33, 17});
    const auto f32 = gradients(a, b, d);
    const auto f64 = gradients(a.to(DType::f64), b.to(DType::f64), d.to(DType::f64));
    for (const size_t i : {0u, 1u}) test::expect_close(f32[i], f64[i], {1e-5, 1e-5});
  }
}

TEST(Matmul, HasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  test::Random random(6);
  const Tensor a = random.tensor({5, 100, 70}), b = random.tensor({5, 70, 37});
  const Tensor batch = matmul(a, b);
  const Execution three({.num_threads = 3});
  const ExecutionScope scope(three);
  test::expect_same_bits(matmul(a, b), batch);
  for (const int64_t i : {0, 4}) {
    test::expect_same_bits(matmul(a.rows(i, i + 1), b.rows(i, i + 1)), batch.rows(i, i + 1));
  }
}

TEST(Matmul, TakesEachTokenOfARaggedBatch) {
  test::Random random(7);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(6, 40));
  const Tensor b = random.tensor({33, 9});
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return matmul(x, b); },
                                  RaggedTensor(random.tensor({layout.num_tokens(), 33}), layout));
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& x) { return matmul(x, b, {.transpose_a = true}); },
      RaggedTensor(random.tensor({layout.num_tokens(), 33, 2}), layout));
}

TEST(Matmul, ANanInARowWithoutGradientReachesNoWeight) {
  for (const bool transpose_b : {false, true}) {
    test::Random random(8);
    Tensor a = random.tensor({4, 3}), b = random.tensor(stored({}, 3, 2, transpose_b));
    Tensor d = random.tensor({4, 2});
    for (float& value : d.rows(1, 2).mutable_values<float>()) value = 0;
    for (float& value : a.rows(1, 2).mutable_values<float>()) {
      value = std::numeric_limits<float>::quiet_NaN();
    }
    require_grad(b);
    const Tensor c = matmul(a, b, {.transpose_b = transpose_b});
    const Tensor d_b = autograd::backward(c, d).of(b);
    for (const float value : d_b.values<float>()) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(Matmul, NothingToMultiplyGivesZerosOrNothing) {
  test::expect_same_bits(matmul(Tensor::empty({2, 0}), Tensor::empty({0, 3})),
                         Tensor::zeros({2, 3}));
  EXPECT_EQ(matmul(Tensor::empty({0, 4, 5}), Tensor::zeros({5, 6})).shape(), (Shape{0, 4, 6}));
  EXPECT_EQ(matmul(Tensor::empty({0, 4, 5}), Tensor::zeros({1, 5, 6})).shape(), (Shape{0, 4, 6}));
  EXPECT_EQ(matmul(Tensor::empty({2, 0, 5}), Tensor::zeros({2, 5, 6})).shape(), (Shape{2, 0, 6}));
  Tensor a = Tensor::empty({0, 4, 5}), b = Tensor::zeros({5, 6});
  require_grad(a);
  require_grad(b);
  const autograd::Gradients found = autograd::backward(matmul(a, b), Tensor::empty({0, 4, 6}));
  test::expect_same_bits(found.of(b), Tensor::zeros({5, 6}));
  EXPECT_EQ(found.of(a).shape(), (Shape{0, 4, 5}));
}

TEST(Matmul, RecordsOnlyWhereAGradientIsWanted) {
  Tensor a = Tensor::zeros({2, 3});
  const Tensor b = Tensor::zeros({3, 2});
  EXPECT_FALSE(autograd::needs_grad(matmul(a, b)));
  require_grad(a);
  EXPECT_TRUE(autograd::needs_grad(matmul(a, b)));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(matmul(a, b)));
}

TEST(Matmul, NamesTheOperandThatDoesNotFit) {
  const Tensor a = Tensor::zeros({2, 3});
  test::expect_error<ShapeError>([&] { matmul(a, a); },
                                 "matmul: b: expected [..., 3, N], got [2, 3]");
  test::expect_error<ShapeError>(
      [&] {
        matmul(a, Tensor::zeros({5, 4}), {.transpose_b = true});
      },
      "matmul: b: expected [..., N, 3], got [5, 4]");
  test::expect_error<ShapeError>([&] { matmul(Tensor::zeros({3}), a); },
                                 "matmul: a: expected [..., M, K], got [3]");
  test::expect_error<ShapeError>([&] { matmul(a, Tensor::zeros({3})); },
                                 "matmul: b: expected [..., K, N], got [3]");
  test::expect_error<ShapeError>(
      [] {
        matmul(Tensor::zeros({2, 4, 3}), Tensor::zeros({5, 3, 4}));
      },
      "matmul: b: expected a shape that broadcasts with [2], got [5]");
  test::expect_error<DTypeError>(
      [&] {
        matmul(Tensor::zeros({2, 3}, DType::i32), a);
      },
      "matmul: a: expected f32 or f64, got i32");
  test::expect_error<DTypeError>(
      [&] {
        matmul(a, Tensor::zeros({3, 2}, DType::f64));
      },
      "matmul: b: expected f32 as a, got f64");
}

TEST(Matmul, RefusesToMixTheTokensOfARaggedBatch) {
  const RaggedTensor x(Tensor::zeros({2, 3}),
                       RaggedLayout::from_lengths(std::array<int64_t, 1>{2}));
  test::expect_error<OptionError>(
      [&] {
        matmul(x, Tensor::zeros({2, 4}), {.transpose_a = true});
      },
      "matmul: transpose_a: expected a matrix per token to transpose, got [2, 3]");
  test::expect_error<ShapeError>(
      [&] {
        matmul(x, Tensor::zeros({1, 3, 4}));
      },
      "matmul: b: expected [K, N], got [1, 3, 4]");
}

}  // namespace
}  // namespace nopad::ops
