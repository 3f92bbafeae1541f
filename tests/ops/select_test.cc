#include "nopad/ops/select.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/elementwise.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T = float>
Tensor tensor_of(std::initializer_list<std::type_identity_t<T>> values, const Shape& shape) {
  return Tensor::from_values<T>(values, shape);
}

Tensor random_f64(uint64_t seed, const Shape& shape) {
  return test::Random(seed).tensor(shape).to(DType::f64);
}

TEST(MaskedFill, FillsWhereItIsTold) {
  const Tensor x = tensor_of({1, 2, 3, 4}, {2, 2});
  test::expect_same_bits(masked_fill(x, tensor_of<bool>({true, false}, {2}), -9),
                         tensor_of({-9, 2, -9, 4}, {2, 2}));
  test::expect_same_bits(masked_fill(x, tensor_of<bool>({true, false}, {2, 1}), -9),
                         tensor_of({-9, -9, 3, 4}, {2, 2}));
  test::expect_same_bits(masked_fill(x, tensor_of<bool>({false}, {}), -9), x);
}

TEST(MaskedFill, TakesEveryDType) {
  const Tensor x = tensor_of({1, 0, 1}, {3});
  const Tensor fill_where = tensor_of<bool>({false, true, true}, {3});
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i8, DType::u8, DType::i32,
                            DType::i64, DType::boolean}) {
    test::expect_same_bits(masked_fill(x.to(dtype), fill_where, 1),
                           tensor_of({1, 1, 1}, {3}).to(dtype));
  }
}

TEST(MaskedFill, FillsTokensThatTakeNoPart) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 0, 1});
  const RaggedTensor x(tensor_of({1, 2, kNan, kNan, 5, 6}, {3, 2}), layout);
  const auto keep = TokenMask::from_tensor(layout, tensor_of<bool>({true, false, true}, {3}));
  const RaggedTensor y = masked_fill(x, keep, 0);
  test::expect_same_bits(y.values(), tensor_of({1, 2, 0, 0, 5, 6}, {3, 2}));
  EXPECT_TRUE(y.layout() == layout);
  const RaggedTensor per_token(keep.to_tensor(), layout);
  test::expect_same_bits(masked_fill(x, logical_not(per_token), 0).values(), y.values());
}

TEST(MaskedFill, AFilledNanReachesNoGradient) {
  Tensor x = tensor_of({kNan, 2}, {2});
  autograd::require_grad(x);
  const Tensor fill_where = tensor_of<bool>({true, false}, {2});
  const Tensor y = masked_fill(square(x), fill_where, 1);
  test::expect_same_bits(autograd::detach(y), tensor_of({1, 4}, {2}));
  const Tensor filled = masked_fill(x, fill_where, 0);
  test::expect_same_bits(autograd::backward(filled, tensor_of({kNan, 3}, {2})).of(x),
                         tensor_of({0, 3}, {2}));
}

TEST(MaskedFill, BreachesAreNamed) {
  const Tensor x = Tensor::zeros({2, 3});
  test::expect_error<DTypeError>([&] { masked_fill(x, x, 0); },
                                 "masked_fill: fill_where: expected bool, got f32");
  test::expect_error<ShapeError>(
      [&] {
        masked_fill(x, Tensor::zeros({4, 2, 3}, DType::boolean), 0);
      },
      "masked_fill: fill_where: expected a shape that broadcasts to [2, 3], got [4, 2, 3]");
  test::expect_error<ShapeError>(
      [&] { masked_fill(x, Tensor::zeros({2}, DType::boolean), 0); },
      "masked_fill: fill_where: expected a shape that broadcasts with [2, 3], got [2]");
  test::expect_error<OptionError>(
      [&] {
        masked_fill(x.to(DType::i32), Tensor::zeros({2, 3}, DType::boolean), 0.5);
      },
      "masked_fill: value: expected a number that i32 holds, got 0.5");
  const RaggedTensor ragged(x, RaggedLayout::from_lengths(std::vector<int64_t>{2}));
  const auto other = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{1, 1}));
  EXPECT_THROW(masked_fill(ragged, other, 0), LayoutError);
}

TEST(Where, TakesFromEither) {
  const Tensor condition = tensor_of<bool>({true, false}, {2, 1});
  test::expect_same_bits(where(condition, tensor_of({1, 2}, {2}), tensor_of({9}, {})),
                         tensor_of({1, 2, 9, 9}, {2, 2}));
  test::expect_same_bits(
      where(condition, tensor_of<int64_t>({1, 2}, {2, 1}), tensor_of<int64_t>({3, 4}, {2, 1})),
      tensor_of<int64_t>({1, 4}, {2, 1}));
}

TEST(Where, EqualsTheLoopOverRaggedShapes) {
  test::Random random(1);
  for (const int64_t width : {1, 7, 8, 9, 64, 100}) {
    const auto layout = RaggedLayout::from_lengths(random.lengths(10, 65));
    const Shape shape{layout.num_tokens(), width};
    const Tensor a = random.tensor(shape), b = random.tensor(shape);
    const Tensor keep = random.coins({layout.num_tokens()});
    const RaggedTensor y =
        where(TokenMask::from_tensor(layout, keep), RaggedTensor(a, layout), {b, layout});
    for (int64_t i = 0; i < shape.num_elements(); ++i) {
      const auto at = static_cast<size_t>(i), token = static_cast<size_t>(i / width);
      const Tensor& from = keep.values<bool>()[token] ? a : b;
      ASSERT_EQ(y.values().values<float>()[at], from.values<float>()[at]) << i;
    }
  }
}

TEST(Where, AConditionPerTokenMeetsItsOwnToken) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2});
  const RaggedTensor per_token(tensor_of<bool>({true, false}, {2}), layout);
  const RaggedTensor a(tensor_of({1, 2, 3, 4}, {2, 2}), layout);
  const RaggedTensor b(tensor_of({8, 9}, {2}), layout);
  test::expect_same_bits(where(per_token, a, b).values(), tensor_of({1, 2, 9, 9}, {2, 2}));
  const RaggedTensor wide(tensor_of<bool>({true, false, false, true}, {2, 2}), layout);
  const RaggedTensor c(tensor_of({5, 6}, {2}), layout);
  test::expect_same_bits(where(wide, b, c).values(), tensor_of({8, 5, 6, 9}, {2, 2}));
}

TEST(Where, NanInTheOtherOperandReachesNeitherResultNorGradient) {
  Tensor a = tensor_of({kNan, 1}, {2}), b = tensor_of({2, kNan}, {2});
  autograd::require_grad(a);
  autograd::require_grad(b);
  const Tensor y = where(tensor_of<bool>({false, true}, {2}), a, b);
  test::expect_same_bits(autograd::detach(y), tensor_of({2, 1}, {2}));
  const auto found = autograd::backward(y, tensor_of({3, kNan}, {2}));
  EXPECT_EQ(found.of(a).values<float>()[0], 0.0f);
  test::expect_same_bits(found.of(b), tensor_of({3, 0}, {2}));
}

TEST(Where, BreachesAreNamed) {
  const Tensor x = Tensor::zeros({2, 3}), condition = Tensor::zeros({2, 3}, DType::boolean);
  test::expect_error<DTypeError>([&] { where(x, x, x); },
                                 "where: condition: expected bool, got f32");
  test::expect_error<DTypeError>([&] { where(condition, x, x.to(DType::f64)); },
                                 "where: b: expected f32 as a, got f64");
  test::expect_error<ShapeError>(
      [&] { where(condition, Tensor::zeros({2}), Tensor::zeros({2})); },
      "where: condition: expected a shape that broadcasts with [2], got [2, 3]");
  const auto two = RaggedLayout::from_lengths(std::vector<int64_t>{2});
  const auto ones = RaggedLayout::from_lengths(std::vector<int64_t>{1, 1});
  test::expect_error<LayoutError>(
      [&] { where(RaggedTensor(condition, ones), RaggedTensor(x, two), RaggedTensor(x, two)); },
      "where: condition: expected a's layout (B=1, T=2), got (B=2, T=2)");
}

TEST(GatherRows, TakesRowsInAnyOrder) {
  const Tensor x = tensor_of({1, 2, 3, 4, 5, 6}, {3, 2});
  test::expect_same_bits(gather_rows(x, tensor_of<int32_t>({2, 0, 2}, {3})),
                         tensor_of({5, 6, 1, 2, 5, 6}, {3, 2}));
  test::expect_same_bits(gather_rows(x.to(DType::i8), tensor_of<int64_t>({1}, {1})),
                         tensor_of({3, 4}, {1, 2}).to(DType::i8));
  EXPECT_EQ(gather_rows(x, Tensor::zeros({0}, DType::i64)).shape(), (Shape{0, 2}));
}

TEST(GatherRows, ARowTakenTwiceReceivesBothGradients) {
  Tensor x = tensor_of({1, 2, 3}, {3, 1});
  autograd::require_grad(x);
  const Tensor y = gather_rows(x, tensor_of<int32_t>({2, 0, 2}, {3}));
  test::expect_same_bits(autograd::backward(y, tensor_of({1, 10, 100}, {3, 1})).of(x),
                         tensor_of({10, 0, 101}, {3, 1}));
}

TEST(GatherRows, GradientBitsDoNotDependOnTheThreads) {
  test::Random random(2);
  std::vector<int64_t> rows;
  for (int i = 0; i < 400; ++i) rows.push_back(random.integer(0, 9));
  const Tensor indices = Tensor::from_values<int64_t>(rows, {400});
  Tensor x = random.tensor({10, 300});
  autograd::require_grad(x);
  const Tensor y = gather_rows(x, indices), d = random.tensor({400, 300});
  const auto gradient = [&](int num_threads) {
    const Execution execution({.num_threads = num_threads});
    const ExecutionScope scope(execution);
    return autograd::backward(y, d).of(x);
  };
  test::expect_same_bits(gradient(3), gradient(1));
}

TEST(GatherRows, BadIndicesAreNamed) {
  const Tensor x = Tensor::zeros({3, 2});
  test::expect_error<InputError>(
      [&] {
        gather_rows(x, tensor_of<int32_t>({0, 3}, {2}));
      },
      "gather_rows: indices: expected rows of x, which has 3, got 3 at 1");
  test::expect_error<InputError>(
      [&] { gather_rows(x, tensor_of<int64_t>({-1}, {1})); },
      "gather_rows: indices: expected rows of x, which has 3, got -1 at 0");
  test::expect_error<DTypeError>([&] { gather_rows(x, x); },
                                 "gather_rows: indices: expected i32 or i64, got f32");
  test::expect_error<ShapeError>(
      [&] {
        gather_rows(x, Tensor::zeros({1, 1}, DType::i32));
      },
      "gather_rows: indices: expected [M], got [1, 1]");
  test::expect_error<ShapeError>(
      [&] { gather_rows(Tensor::zeros({}), tensor_of<int32_t>({0}, {1})); },
      "gather_rows: x: expected [N, ...], got []");
}

TEST(Select, GradientsAreThoseOfCentralDifferences) {
  const Tensor condition = test::Random(3).coins({4, 1, 3});
  test::expect_gradients([&](auto in) { return where(condition, in[0], in[1]); },
                         {random_f64(4, {5, 3}), random_f64(5, {4, 1, 1})});
  const Tensor fill_where = test::Random(6).coins({5, 1});
  test::expect_gradients([&](auto in) { return masked_fill(in[0], fill_where, 3); },
                         {random_f64(7, {5, 3})});
  const Tensor rows = tensor_of<int32_t>({1, 1, 0, 3}, {4});
  test::expect_gradients([&](auto in) { return gather_rows(in[0], rows); },
                         {random_f64(8, {4, 3})});
}

TEST(Select, BatchEqualsAlone) {
  test::Random random(9);
  const auto layout = RaggedLayout::from_lengths(random.lengths(9, 50));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 11}), layout);
  test::expect_batch_equals_alone(
      [](const RaggedTensor& batch) {
        return where(greater(batch, 0), batch, masked_fill(batch, less(batch, -0.5), 2));
      },
      x);
}

TEST(Select, EmptyBatchesAreDefined) {
  const RaggedTensor none(Tensor::zeros({0, 4}), RaggedLayout());
  EXPECT_EQ(masked_fill(none, TokenMask(), 1).values().shape(), (Shape{0, 4}));
  EXPECT_EQ(where(TokenMask(), none, none).values().shape(), (Shape{0, 4}));
  Tensor x = Tensor::zeros({2, 3});
  autograd::require_grad(x);
  const Tensor y = gather_rows(x, Tensor::zeros({0}, DType::i32));
  test::expect_same_bits(autograd::backward(y, Tensor::zeros({0, 3})).of(x), Tensor::zeros({2, 3}));
}

TEST(Select, NothingIsRecordedInsideANoGradScope) {
  Tensor x = Tensor::zeros({2, 2});
  autograd::require_grad(x);
  const autograd::NoGradScope no_grad;
  const Tensor condition = Tensor::zeros({2}, DType::boolean);
  for (const Tensor& y : {masked_fill(x, condition, 1), where(condition, x, x),
                          gather_rows(x, Tensor::zeros({1}, DType::i32))}) {
    EXPECT_FALSE(autograd::needs_grad(y));
  }
}

}  // namespace
}  // namespace nopad::ops
