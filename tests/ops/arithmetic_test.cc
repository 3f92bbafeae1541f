#include "nopad/ops/arithmetic.h"

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

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T = float>
Tensor tensor_of(std::initializer_list<std::type_identity_t<T>> values, const Shape& shape) {
  return Tensor::from_values<T>(values, shape);
}

Tensor random_f64(uint64_t seed, const Shape& shape, float low = -1, float high = 1) {
  return test::Random(seed).tensor(shape, low, high).to(DType::f64);
}

RaggedTensor small_batch() {
  return {tensor_of({1, 2, 3, 4, 5, 6}, {3, 2}),
          RaggedLayout::from_lengths(std::vector<int64_t>{2, 0, 1})};
}

// a[index] by NumPy's rule: axes are matched from the last one, and 1 meets any size.
float broadcast_value(const Tensor& a, const Shape& out, int64_t position) {
  int64_t offset = 0, stride = 1;
  for (int axis = out.rank(); axis-- > 0;) {
    const int64_t index = position % out[axis];
    position /= out[axis];
    const int own = axis - (out.rank() - a.rank());
    if (own < 0) continue;
    offset += (a.dim(own) == 1 ? 0 : index) * stride;
    stride *= a.dim(own);
  }
  return a.values<float>()[static_cast<size_t>(offset)];
}

struct Shapes {
  Shape a, b, out;
};
const std::vector<Shapes> kBroadcasts = {
    {{}, {}, {}},
    {{5}, {}, {5}},
    {{}, {2, 3}, {2, 3}},
    {{2, 3}, {3}, {2, 3}},
    {{7, 1}, {7, 33}, {7, 33}},
    {{1, 4}, {5, 1}, {5, 4}},
    {{2, 1, 3}, {4, 1}, {2, 4, 3}},
    {{3, 2, 1, 5}, {1, 4, 5}, {3, 2, 4, 5}},
    {{2, 1, 1, 2, 1}, {1, 3, 2, 1, 2}, {2, 3, 2, 2, 2}},
    {{300, 200}, {1, 200}, {300, 200}},
};

TEST(Arithmetic, EachOpDoesWhatItsNameSays) {
  const Tensor a = tensor_of({6, -1, 3}, {3}), b = tensor_of({2, 4, 3}, {3});
  test::expect_same_bits(add(a, b), tensor_of({8, 3, 6}, {3}));
  test::expect_same_bits(subtract(a, b), tensor_of({4, -5, 0}, {3}));
  test::expect_same_bits(multiply(a, b), tensor_of({12, -4, 9}, {3}));
  test::expect_same_bits(divide(a, b), tensor_of({3, -0.25f, 1}, {3}));
  test::expect_same_bits(maximum(a, b), tensor_of({6, 4, 3}, {3}));
  test::expect_same_bits(minimum(a, b), tensor_of({2, -1, 3}, {3}));
  test::expect_same_bits(negate(a), tensor_of({-6, 1, -3}, {3}));
}

TEST(Arithmetic, NumbersStandOnEitherSide) {
  const Tensor a = tensor_of({1, 2}, {2});
  test::expect_same_bits(add(a, 1), tensor_of({2, 3}, {2}));
  test::expect_same_bits(subtract(1, a), tensor_of({0, -1}, {2}));
  test::expect_same_bits(divide(1, a), tensor_of({1, 0.5f}, {2}));
  test::expect_same_bits(multiply(a, 0.5f), tensor_of({0.5f, 1}, {2}));
  test::expect_same_bits(maximum(a, 1.5), tensor_of({1.5f, 2}, {2}));
}

TEST(Arithmetic, ShapesBroadcastAsInNumPy) {
  test::Random random(1);
  for (const auto& [a_shape, b_shape, out_shape] : kBroadcasts) {
    SCOPED_TRACE(nopad::concat(a_shape, " with ", b_shape));
    const Tensor a = random.tensor(a_shape), b = random.tensor(b_shape);
    const Tensor difference = subtract(a, b), reverse = subtract(b, a);
    ASSERT_EQ(difference.shape(), out_shape);
    for (int64_t i = 0; i < out_shape.num_elements(); ++i) {
      const float expected = broadcast_value(a, out_shape, i) - broadcast_value(b, out_shape, i);
      ASSERT_EQ(difference.values<float>()[static_cast<size_t>(i)], expected) << i;
      ASSERT_EQ(reverse.values<float>()[static_cast<size_t>(i)], -expected) << i;
    }
  }
}

TEST(Arithmetic, AnEmptyAxisMeetsOne) {
  EXPECT_EQ(add(Tensor::zeros({0, 3}), Tensor::zeros({1, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(add(Tensor::zeros({0, 3}), 1).shape(), (Shape{0, 3}));
  EXPECT_EQ(add(Tensor::zeros({int64_t{1} << 40, 0}), Tensor::zeros({1})).shape(),
            (Shape{int64_t{1} << 40, 0}));
}

TEST(Arithmetic, IntegersWrap) {
  constexpr auto kLeast = std::numeric_limits<int32_t>::min();
  const Tensor least = tensor_of<int32_t>({kLeast}, {1});
  test::expect_same_bits(subtract(least, 1),
                         tensor_of<int32_t>({std::numeric_limits<int32_t>::max()}, {1}));
  test::expect_same_bits(negate(least), least);
  test::expect_same_bits(multiply(tensor_of<int64_t>({3, -4}, {2}), 2),
                         tensor_of<int64_t>({6, -8}, {2}));
}

TEST(Arithmetic, MaximumAndMinimumKeepNan) {
  const Tensor a = tensor_of({kNan, 1}, {2}), b = tensor_of({1, kNan}, {2});
  for (const Tensor& out : {maximum(a, b), minimum(a, b)}) {
    for (const float value : out.values<float>()) EXPECT_TRUE(std::isnan(value));
  }
}

TEST(Arithmetic, ComparisonsGiveBools) {
  const Tensor a = tensor_of({1, 2, 3, kNan}, {4}), b = tensor_of({2, 2, 2, 2}, {4});
  const auto bools = [](bool w, bool x, bool y, bool z) {
    return tensor_of<bool>({w, x, y, z}, {4});
  };
  test::expect_same_bits(equal(a, b), bools(false, true, false, false));
  test::expect_same_bits(not_equal(a, b), bools(true, false, true, true));
  test::expect_same_bits(less(a, b), bools(true, false, false, false));
  test::expect_same_bits(less_equal(a, 2), bools(true, true, false, false));
  test::expect_same_bits(greater(a, 2), bools(false, false, true, false));
  test::expect_same_bits(greater_equal(a, b), bools(false, true, true, false));
  test::expect_same_bits(equal(tensor_of<int64_t>({0, 7}, {2}), 0),
                         tensor_of<bool>({true, false}, {2}));
}

TEST(Arithmetic, LogicIsOfBools) {
  const Tensor a = tensor_of<bool>({true, true, false, false}, {4});
  const Tensor b = tensor_of<bool>({true, false, true, false}, {4});
  test::expect_same_bits(logical_and(a, b), tensor_of<bool>({true, false, false, false}, {4}));
  test::expect_same_bits(logical_or(a, b), tensor_of<bool>({true, true, true, false}, {4}));
  test::expect_same_bits(logical_not(a), tensor_of<bool>({false, false, true, true}, {4}));
}

TEST(Arithmetic, ARaggedOperandMakesARaggedResult) {
  const RaggedTensor x = small_batch();
  test::expect_same_bits(add(x, x).values(), tensor_of({2, 4, 6, 8, 10, 12}, {3, 2}));
  test::expect_same_bits(add(x, tensor_of({10, 20}, {2})).values(),
                         tensor_of({11, 22, 13, 24, 15, 26}, {3, 2}));
  test::expect_same_bits(subtract(tensor_of({10}, {1}), x).values(),
                         tensor_of({9, 8, 7, 6, 5, 4}, {3, 2}));
  test::expect_same_bits(multiply(x, 2).values(), add(x, x).values());
  test::expect_same_bits(divide(60, x).values(), tensor_of({60, 30, 20, 15, 12, 10}, {3, 2}));
  EXPECT_EQ(less(x, 3).values().dtype(), DType::boolean);
  EXPECT_TRUE(less(x, 3).layout() == x.layout());
  test::expect_same_bits(logical_not(logical_or(less(x, 3), greater(x, 4))).values(),
                         tensor_of<bool>({false, false, true, true, false, false}, {3, 2}));
  test::expect_same_bits(negate(x).values(), tensor_of({-1, -2, -3, -4, -5, -6}, {3, 2}));
}

// [T, H] beside [T, H, D] with H = D = T would also broadcast, wrongly, by NumPy's rule.
TEST(Arithmetic, TokensMeetTheirOwnWhateverTheRanks) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2});
  const RaggedTensor per_token(tensor_of({10, 20}, {2}), layout);
  const RaggedTensor x(tensor_of({1, 2, 3, 4}, {2, 2}), layout);
  test::expect_same_bits(add(x, per_token).values(), tensor_of({11, 12, 23, 24}, {2, 2}));
  test::expect_same_bits(add(per_token, x).values(), tensor_of({11, 12, 23, 24}, {2, 2}));
}

TEST(Arithmetic, BatchEqualsAlone) {
  test::Random random(2);
  const auto layout = RaggedLayout::from_lengths(random.lengths(12, 70));
  const RaggedTensor x(random.tensor({layout.num_tokens(), 17}), layout);
  const Tensor row = random.tensor({17});
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return divide(multiply(batch, row), add(batch, 3)); }, x);
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return maximum(subtract(batch, batch), row); }, x);
}

TEST(Arithmetic, GradientsAreThoseOfCentralDifferences) {
  for (const auto& [a_shape, b_shape, unused] : kBroadcasts) {
    if (a_shape.num_elements() > 1000) continue;
    SCOPED_TRACE(nopad::concat(a_shape, " with ", b_shape));
    const std::vector inputs{random_f64(3, a_shape), random_f64(4, b_shape, 1, 2)};
    test::expect_gradients([](auto in) { return add(in[0], in[1]); }, inputs);
    test::expect_gradients([](auto in) { return subtract(in[0], in[1]); }, inputs);
    test::expect_gradients([](auto in) { return multiply(in[0], in[1]); }, inputs);
    test::expect_gradients([](auto in) { return divide(in[0], in[1]); }, inputs);
  }
  const std::vector inputs{random_f64(5, {4, 6}), random_f64(6, {6})};
  test::expect_gradients([](auto in) { return maximum(in[0], in[1]); }, inputs);
  test::expect_gradients([](auto in) { return minimum(in[0], in[1]); }, inputs);
  test::expect_gradients([](auto in) { return negate(subtract(2, in[0])); }, {inputs[0]});
}

TEST(Arithmetic, F32GradientsAreCloseToThoseOfF64) {
  test::Random random(7);
  const std::array inputs{random.tensor({500, 33}), random.tensor({33}, 1, 2)};
  const Tensor d = random.tensor({500, 33});
  const auto gradients = [&](DType dtype) {
    Tensor a = inputs[0].to(dtype), b = inputs[1].to(dtype);
    if (dtype == DType::f32) {
      a = autograd::detach(inputs[0]), b = autograd::detach(inputs[1]);
    }
    autograd::require_grad(a);
    autograd::require_grad(b);
    const auto found = autograd::backward(divide(multiply(a, b), add(b, 1)), d.to(dtype));
    return std::array{found.of(a), found.of(b)};
  };
  const auto f32 = gradients(DType::f32), f64 = gradients(DType::f64);
  for (size_t i = 0; i < 2; ++i) test::expect_close(f32[i], f64[i], {1e-5, 1e-5});
}

TEST(Arithmetic, ATieGivesHalfToEach) {
  Tensor a = tensor_of({1, 2, 3}, {3}), b = tensor_of({1, 3, 2}, {3});
  autograd::require_grad(a);
  autograd::require_grad(b);
  for (const bool largest : {true, false}) {
    const auto found =
        autograd::backward(largest ? maximum(a, b) : minimum(b, a), tensor_of({8, 8, 8}, {3}));
    test::expect_same_bits(found.of(largest ? a : b), tensor_of({4, 0, 8}, {3}));
    test::expect_same_bits(found.of(largest ? b : a), tensor_of({4, 8, 0}, {3}));
  }
}

TEST(Arithmetic, BitsDoNotDependOnTheThreads) {
  test::Random random(8);
  const Tensor x = random.tensor({3000, 50}), d = random.tensor({3000, 50});
  const auto run = [&](int num_threads) {
    const Execution execution({.num_threads = num_threads});
    const ExecutionScope scope(execution);
    Tensor row = random.tensor({0});
    std::vector<Tensor> out;
    for (const Shape& shape : {Shape{50}, Shape{3000, 1}, Shape{}}) {
      Tensor b = add(Tensor::zeros(shape), 0.5);
      autograd::require_grad(b);
      const Tensor product = multiply(x, b);
      out.push_back(product);
      out.push_back(autograd::backward(product, d).of(b));
    }
    return out;
  };
  const auto one = run(1), three = run(3);
  for (size_t i = 0; i < one.size(); ++i) {
    test::expect_same_bits(autograd::detach(one[i]), autograd::detach(three[i]));
  }
}

TEST(Arithmetic, AnEmptyBatchHasZeroGradients) {
  Tensor row = tensor_of({1, 2}, {2});
  autograd::require_grad(row);
  const Tensor out = multiply(Tensor::zeros({0, 2}), row);
  test::expect_same_bits(autograd::backward(out, Tensor::zeros({0, 2})).of(row),
                         Tensor::zeros({2}));
}

TEST(Arithmetic, OnlyWantedGradientsAreRecorded) {
  Tensor a = tensor_of({1, 2}, {2});
  const Tensor b = tensor_of({3, 4}, {2});
  EXPECT_FALSE(autograd::needs_grad(add(a, b)));
  autograd::require_grad(a);
  EXPECT_TRUE(autograd::needs_grad(add(a, b)));
  EXPECT_FALSE(autograd::needs_grad(less(a, b)));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(add(a, b)));
}

TEST(Arithmetic, BreachesAreNamed) {
  const Tensor a = Tensor::zeros({2, 3});
  test::expect_error<ShapeError>([&] { add(a, Tensor::zeros({2})); },
                                 "add: b: expected a shape that broadcasts with [2, 3], got [2]");
  test::expect_error<DTypeError>(
      [&] {
        multiply(a, Tensor::zeros({2, 3}, DType::f64));
      },
      "multiply: b: expected f32 as a, got f64");
  test::expect_error<DTypeError>([&] { negate(Tensor::zeros({2}, DType::boolean)); },
                                 "negate: a: expected f32, f64, i32 or i64, got bool");
  test::expect_error<DTypeError>([&] { divide(Tensor::zeros({2}, DType::i32), 2); },
                                 "divide: a: expected f32 or f64 (cast integers first), got i32");
  test::expect_error<OptionError>([&] { add(Tensor::zeros({2}, DType::i32), 0.5); },
                                  "add: b: expected a number that i32 holds, got 0.5");
  test::expect_error<DTypeError>([&] { logical_and(a, a); },
                                 "logical_and: a: expected bool, got f32");
}

TEST(Arithmetic, BreachesOfRaggedOperandsAreNamed) {
  const RaggedTensor x = small_batch();
  const RaggedTensor other(Tensor::zeros({3, 2}),
                           RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  test::expect_error<LayoutError>([&] { add(x, other); },
                                  "add: b: expected a's layout (B=3, T=3), got (B=1, T=3)");
  test::expect_error<ShapeError>(
      [&] {
        add(x, Tensor::zeros({3, 2}));
      },
      "add: b: expected at most 1 axes, to be broadcast to each token of the ragged [3, 2], got "
      "[3, 2]; values per token must be a RaggedTensor, which has the layout");
  test::expect_error<ShapeError>([&] { less(Tensor::zeros({3}), x); },
                                 "less: b: expected a shape that broadcasts with [3], got [3, 2]");
}

}  // namespace
}  // namespace nopad::ops
