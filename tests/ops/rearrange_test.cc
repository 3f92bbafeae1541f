#include "nopad/ops/rearrange.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

Tensor tensor_of(std::initializer_list<float> values, const Shape& shape) {
  return Tensor::from_values<float>(values, shape);
}

// 0, 1, 2, ... in any dtype.
Tensor counted(const Shape& shape, DType dtype = DType::f32) {
  std::vector<int64_t> values(static_cast<size_t>(shape.num_elements()));
  std::iota(values.begin(), values.end(), 0);
  return Tensor::from_values<int64_t>(values, shape).to(dtype);
}

Tensor random_f64(uint64_t seed, const Shape& shape) {
  return test::Random(seed).tensor(shape).to(DType::f64);
}

constexpr std::array kDTypes = {DType::f32, DType::f64, DType::bf16, DType::i8,
                                DType::u8,  DType::i32, DType::i64};

TEST(Reshape, SharesTheElementsAndFillsInOneAxis) {
  const Tensor x = counted({2, 6});
  const Tensor y = reshape(x, {3, -1});
  EXPECT_EQ(y.shape(), (Shape{3, 4}));
  EXPECT_EQ(y.bytes(), x.bytes());
  EXPECT_EQ(reshape(x, {-1}).shape(), (Shape{12}));
  EXPECT_EQ(reshape(x, Shape{1, 12, 1}).shape(), (Shape{1, 12, 1}));
  EXPECT_EQ(reshape(counted({1}), {}).shape(), Shape{});
  EXPECT_EQ(reshape(counted({0, 3}), {-1, 3}).shape(), (Shape{0, 3}));
  EXPECT_THROW(reshape(counted({0, 3}), {0, -1}), ShapeError);
}

TEST(Reshape, ReshapesEachTokenOfARaggedTensor) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 0, 1});
  const RaggedTensor x(counted({3, 6}), layout);
  const RaggedTensor heads = reshape(x, {2, -1});
  EXPECT_EQ(heads.values().shape(), (Shape{3, 2, 3}));
  EXPECT_TRUE(heads.layout() == layout);
  const RaggedTensor empty(counted({0, 6}), RaggedLayout());
  EXPECT_EQ(reshape(empty, {2, -1}).values().shape(), (Shape{0, 2, 3}));
}

TEST(Reshape, OtherNumbersOfElementsAreRefused) {
  const Tensor x = counted({2, 3});
  test::expect_error<ShapeError>(
      [&] {
        reshape(x, {4, -1});
      },
      "reshape: dims: expected 6 elements as in [2, 3] and at most one -1, got [4, -1]");
  test::expect_error<ShapeError>(
      [&] {
        reshape(x, {-1, -1});
      },
      "reshape: dims: expected 6 elements as in [2, 3] and at most one -1, got [-1, -1]");
  test::expect_error<ShapeError>(
      [&] {
        reshape(x, {0, -1});
      },
      "reshape: dims: expected 6 elements as in [2, 3] and at most one -1, got [0, -1]");
}

TEST(ExpandDims, AndSqueezeAreInverse) {
  const Tensor x = counted({2, 3});
  EXPECT_EQ(expand_dims(x, 0).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(expand_dims(x, -1).shape(), (Shape{2, 3, 1}));
  test::expect_same_bits(squeeze(expand_dims(x, 1), 1), x);
  test::expect_error<ShapeError>([&] { squeeze(x, 0); },
                                 "squeeze: x: expected size 1 along axis 0, got [2, 3]");
  test::expect_error<ShapeError>([&] { expand_dims(x, 3); },
                                 "expand_dims: axis: expected -3 to 2, got 3");
}

TEST(Transpose, PermutesTheAxesOfEveryDType) {
  for (const DType dtype : kDTypes) {
    test::expect_same_bits(transpose(counted({2, 3}, dtype), {1, 0}),
                           tensor_of({0, 3, 1, 4, 2, 5}, {3, 2}).to(dtype));
  }
}

TEST(Transpose, EqualsTheLoopOverEveryElement) {
  const Tensor x = counted({3, 4, 5, 6});
  const std::array order{2, 0, 3, 1};
  const Tensor y = transpose(x, order);
  ASSERT_EQ(y.shape(), (Shape{5, 3, 6, 4}));
  size_t at = 0;
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 6; ++k) {
        for (int l = 0; l < 4; ++l) {
          const auto from = static_cast<size_t>(((j * 4 + l) * 5 + i) * 6 + k);
          ASSERT_EQ(y.values<float>()[at++], x.values<float>()[from]);
        }
      }
    }
  }
}

TEST(Transpose, SwapsLargeAxesOnManyThreads) {
  const Tensor x = counted({300, 200});
  const Tensor y = swap_axes(x, -1, 0);
  for (int64_t i = 0; i < 200; ++i) {
    for (int64_t j = 0; j < 300; ++j) {
      ASSERT_EQ(y.values<float>()[static_cast<size_t>(i * 300 + j)],
                x.values<float>()[static_cast<size_t>(j * 200 + i)]);
    }
  }
}

TEST(Transpose, BadAxesAreNamed) {
  const Tensor x = counted({2, 3});
  test::expect_error<ShapeError>(
      [&] {
        transpose(x, {0, 0});
      },
      "transpose: axes: expected each of 0 to 1 once, got [0, 0]");
  test::expect_error<ShapeError>([&] { transpose(x, {0}); },
                                 "transpose: axes: expected each of 0 to 1 once, got [0]");
  test::expect_error<ShapeError>([&] { swap_axes(x, 0, 2); },
                                 "swap_axes: b: expected -2 to 1, got 2");
}

TEST(Concat, JoinsAlongAnyAxis) {
  const Tensor a = tensor_of({1, 2, 3, 4}, {2, 2}), b = tensor_of({5, 6}, {2, 1});
  test::expect_same_bits(concat({a, b}, 1), tensor_of({1, 2, 5, 3, 4, 6}, {2, 3}));
  test::expect_same_bits(concat({a, Tensor::zeros({0, 2}), a}, 0),
                         tensor_of({1, 2, 3, 4, 1, 2, 3, 4}, {4, 2}));
  for (const DType dtype : kDTypes) {
    test::expect_same_bits(concat({a.to(dtype), b.to(dtype)}, -1),
                           tensor_of({1, 2, 5, 3, 4, 6}, {2, 3}).to(dtype));
  }
}

TEST(Concat, BreachesAreNamed) {
  const Tensor a = Tensor::zeros({2, 2});
  test::expect_error<ShapeError>([&] { concat(std::vector<Tensor>{}, 0); },
                                 "concat: tensors: expected at least one, got none");
  test::expect_error<ShapeError>(
      [&] {
        concat({a, Tensor::zeros({3, 3})}, 1);
      },
      "concat: tensors: expected [2, 2] but for axis 1, got [3, 3] at 1");
  test::expect_error<DTypeError>(
      [&] {
        concat({a, a.to(DType::i32)}, 0);
      },
      "concat: tensors: expected f32 as the first, got i32 at 1");
  test::expect_error<ShapeError>(
      [&] {
        concat({a, a}, 2);
      },
      "concat: axis: expected -2 to 1, got 2");
}

TEST(Stack, MakesANewAxis) {
  const Tensor a = tensor_of({1, 2}, {2}), b = tensor_of({3, 4}, {2});
  test::expect_same_bits(stack({a, b}, 0), tensor_of({1, 2, 3, 4}, {2, 2}));
  test::expect_same_bits(stack({a, b}, -1), tensor_of({1, 3, 2, 4}, {2, 2}));
  test::expect_error<ShapeError>(
      [&] {
        stack({a, Tensor::zeros({3})}, 0);
      },
      "stack: tensors: expected [2] as the first, got [3] at 1");
}

TEST(Split, IsUndoneByConcat) {
  const Tensor x = counted({4, 6, 3});
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t dim = x.dim(axis);
    test::expect_same_bits(concat(split(x, {1, 0, dim - 1}, axis), axis), x);
    test::expect_same_bits(concat(split(x, dim, axis), axis), x);
  }
  const auto halves = split(counted({2, 4}), 2, 1);
  test::expect_same_bits(halves[0], tensor_of({0, 1, 4, 5}, {2, 2}));
  test::expect_same_bits(halves[1], tensor_of({2, 3, 6, 7}, {2, 2}));
}

TEST(Split, BadPartsAreNamed) {
  const Tensor x = counted({4, 2});
  test::expect_error<ShapeError>(
      [&] {
        split(x, {1, 2}, 0);
      },
      "split: sizes: expected a sum of 4, got [1, 2]");
  test::expect_error<ShapeError>(
      [&] {
        split(x, {5, -1}, 0);
      },
      "split: sizes: expected a sum of 4, got [5, -1]");
  test::expect_error<ShapeError>([&] { split(x, 3, 0); },
                                 "split: num_parts: expected a divisor of 4, got 3");
  test::expect_error<ShapeError>([&] { split(x, 0, 0); },
                                 "split: num_parts: expected a divisor of 4, got 0");
}

TEST(Slice, TakesAPartOfAnAxis) {
  const Tensor x = counted({3, 4});
  test::expect_same_bits(slice(x, 1, 1, 3), tensor_of({1, 2, 5, 6, 9, 10}, {3, 2}));
  test::expect_same_bits(slice(x, 0, 2, 3), tensor_of({8, 9, 10, 11}, {1, 4}));
  EXPECT_EQ(slice(x, -1, 2, 2).shape(), (Shape{3, 0}));
  test::expect_error<ShapeError>(
      [&] { slice(x, 1, 2, 5); },
      "slice: range: expected a part of [0, 4) along axis 1, got [2, 5)");
  test::expect_error<ShapeError>([&] { slice(Tensor::zeros({}), 0, 0, 0); },
                                 "slice: axis: expected an axis, and a scalar has none, got 0");
}

TEST(Tile, RepeatsEachAxis) {
  const Tensor x = tensor_of({1, 2}, {1, 2});
  test::expect_same_bits(tile(x, {2, 2}), tensor_of({1, 2, 1, 2, 1, 2, 1, 2}, {2, 4}));
  test::expect_same_bits(tile(counted({2, 2}), {2, 1}),
                         tensor_of({0, 1, 2, 3, 0, 1, 2, 3}, {4, 2}));
  EXPECT_EQ(tile(x, {0, 3}).shape(), (Shape{0, 6}));
  test::expect_error<ShapeError>(
      [&] { tile(x, {2}); },
      "tile: repeats: expected one number of 0 or more for each axis of [1, 2], got [2]");
}

TEST(Cast, ConvertsAndKeepsTheLayout) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2});
  const RaggedTensor x(tensor_of({1.75f, -2.5f}, {2}), layout);
  const RaggedTensor y = cast(x, DType::i32);
  EXPECT_EQ(y.values().values<int32_t>()[1], -2);
  EXPECT_TRUE(y.layout() == layout);
  EXPECT_EQ(cast(x, DType::f32).values().bytes(), x.values().bytes());
}

TEST(Cast, TheGradientComesBackInTheOldDTypeOrEnds) {
  Tensor x = tensor_of({1, 2}, {2});
  autograd::require_grad(x);
  const Tensor wide = cast(x, DType::f64);
  test::expect_same_bits(autograd::backward(wide, tensor_of({3, 4}, {2}).to(DType::f64)).of(x),
                         tensor_of({3, 4}, {2}));
  EXPECT_TRUE(autograd::needs_grad(cast(x, DType::bf16)));
  EXPECT_FALSE(autograd::needs_grad(cast(x, DType::i32)));
}

TEST(Rearrange, GradientsAreThoseOfCentralDifferences) {
  const std::vector x{random_f64(1, {3, 4, 2})};
  test::expect_gradients([](auto in) { return reshape(in[0], {2, -1}); }, x);
  test::expect_gradients([](auto in) { return transpose(in[0], {2, 0, 1}); }, x);
  test::expect_gradients([](auto in) { return slice(in[0], 1, 1, 3); }, x);
  test::expect_gradients([](auto in) { return tile(in[0], {2, 1, 3}); }, x);
  test::expect_gradients([](auto in) { return squeeze(expand_dims(in[0], 1), 1); }, x);
  test::expect_gradients(
      [](auto in) {
        return concat({in[0], in[1], in[0]}, 1);
      },
      {x[0], random_f64(2, {3, 1, 2})});
  test::expect_gradients([](auto in) { return stack({in[0], in[0]}, -1); }, x);
  test::expect_gradients(
      [](auto in) {
        const auto parts = split(in[0], {1, 3}, 1);
        return concat({parts[1], parts[0], parts[1]}, 1);
      },
      x);
}

// Parts that nothing used count as zeros.
TEST(Rearrange, OnePartOfASplitIsEnoughForAGradient) {
  Tensor x = counted({2, 3});
  autograd::require_grad(x);
  const auto parts = split(x, 3, 1);
  test::expect_same_bits(autograd::backward(parts[1], tensor_of({7, 8}, {2, 1})).of(x),
                         tensor_of({0, 7, 0, 0, 8, 0}, {2, 3}));
}

TEST(Rearrange, EmptyTensorsHaveEmptyGradients) {
  Tensor x = Tensor::zeros({0, 4});
  autograd::require_grad(x);
  for (const Tensor& y : {reshape(x, {2, 0, 2}), transpose(x, {1, 0}), slice(x, 1, 1, 2),
                          tile(x, {3, 2}), concat({x, x}, 1)}) {
    test::expect_same_bits(autograd::backward(y, Tensor::zeros(y.shape())).of(x),
                           Tensor::zeros({0, 4}));
  }
  Tensor row = counted({1, 2});
  autograd::require_grad(row);
  const Tensor none = tile(row, {0, 1});
  test::expect_same_bits(autograd::backward(none, none).of(row), Tensor::zeros({1, 2}));
}

TEST(Rearrange, NothingIsRecordedInsideANoGradScope) {
  Tensor x = counted({2, 2});
  autograd::require_grad(x);
  const autograd::NoGradScope no_grad;
  for (const Tensor& y : {reshape(x, {4}), transpose(x, {1, 0}), slice(x, 0, 0, 1), tile(x, {1, 2}),
                          concat({x, x}, 0), split(x, 2, 0)[0], cast(x, DType::f64)}) {
    EXPECT_FALSE(autograd::needs_grad(y));
  }
}

TEST(Rearrange, BatchEqualsAlone) {
  test::Random random(3);
  const auto layout = RaggedLayout::from_lengths(random.lengths(8, 40));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 6}), layout);
  test::expect_batch_equals_alone(
      [](const RaggedTensor& batch) {
        return cast(reshape(batch, {3, 2}), DType::f64);
      },
      x);
}

}  // namespace
}  // namespace nopad::ops
