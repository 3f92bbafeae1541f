#include "nopad/ops/reduce.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
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

using OverTokens = std::function<Tensor(const RaggedTensor&, const TokenMask&)>;
struct Named {
  const char* name;
  OverTokens reduce;
};
const std::array<Named, 6> kReductions = {{
    {"sum_over_tokens", [](const auto& x, const auto& keep) { return sum_over_tokens(x, keep); }},
    {"mean_over_tokens", [](const auto& x, const auto& keep) { return mean_over_tokens(x, keep); }},
    {"max_over_tokens", [](const auto& x, const auto& keep) { return max_over_tokens(x, keep); }},
    {"min_over_tokens", [](const auto& x, const auto& keep) { return min_over_tokens(x, keep); }},
    {"first_token", [](const auto& x, const auto& keep) { return first_token(x, keep); }},
    {"last_token", [](const auto& x, const auto& keep) { return last_token(x, keep); }},
}};

RaggedLayout layout_of(std::vector<int64_t> lengths) { return RaggedLayout::from_lengths(lengths); }

// Sequences [1, 4, 2], [] and [-2]; the middle token of the first does not take part.
RaggedTensor small_batch() {
  return {Tensor::from_values<float>(std::array{1.0f, 4.0f, 2.0f, -2.0f}, {4, 1}),
          layout_of({3, 0, 1})};
}
TokenMask small_keep() {
  const std::array<bool, 4> keep = {true, false, true, true};
  return TokenMask::from_tensor(layout_of({3, 0, 1}), Tensor::from_values<bool>(keep, {4}));
}

RaggedTensor random_batch(uint64_t seed, const Shape& token_shape) {
  test::Random random(seed);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(9, 70));
  std::vector<int64_t> dims = {layout.num_tokens()};
  dims.insert(dims.end(), token_shape.dims().begin(), token_shape.dims().end());
  return {random.tensor(Shape(std::span<const int64_t>(dims))), layout};
}

TokenMask random_keep(uint64_t seed, const RaggedLayout& layout) {
  return TokenMask::from_tensor(layout, test::Random(seed).coins({layout.num_tokens()}));
}

TEST(OverTokens, GiveWhatTheirNamesSay) {
  const auto expect = [](const Tensor& out, float first, float last) {
    EXPECT_EQ(out.shape(), (Shape{3, 1}));
    test::expect_close(out.values<float>(), std::array{first, 0.0f, last}, test::kExact);
  };
  expect(sum_over_tokens(small_batch()), 7, -2);
  expect(mean_over_tokens(small_batch()), 7.0f / 3, -2);
  expect(max_over_tokens(small_batch()), 4, -2);
  expect(min_over_tokens(small_batch()), 1, -2);
  expect(first_token(small_batch()), 1, -2);
  expect(last_token(small_batch()), 2, -2);
  expect(sum_over_tokens(small_batch(), small_keep()), 3, -2);
  expect(mean_over_tokens(small_batch(), small_keep()), 1.5, -2);
  expect(max_over_tokens(small_batch(), small_keep()), 2, -2);
}

TEST(OverTokens, FirstAndLastAreThoseThatTakePart) {
  const std::array<bool, 4> keep = {false, true, false, true};
  const auto mask =
      TokenMask::from_tensor(layout_of({3, 0, 1}), Tensor::from_values<bool>(keep, {4}));
  EXPECT_EQ(first_token(small_batch(), mask).values<float>()[0], 4);
  EXPECT_EQ(last_token(small_batch(), mask).values<float>()[0], 4);
}

// Every reduction, as an obvious loop over one feature of one sequence in f64.
double reduced(std::string_view name, const std::vector<double>& kept) {
  if (kept.empty()) return 0;
  if (name == "first_token") return kept.front();
  if (name == "last_token") return kept.back();
  double sum = 0, largest = kept[0], smallest = kept[0];
  for (const double value : kept) {
    sum += value;
    largest = std::max(largest, value);
    smallest = std::min(smallest, value);
  }
  if (name == "max_over_tokens") return largest;
  if (name == "min_over_tokens") return smallest;
  return name == "sum_over_tokens" ? sum : sum / static_cast<double>(kept.size());
}

TEST(OverTokens, EqualTheObviousLoopForEveryWidth) {
  for (const int64_t width : {1, 2, 3, 16, 17, 600}) {
    const RaggedTensor x = random_batch(static_cast<uint64_t>(width), {width});
    const TokenMask keep = random_keep(7, x.layout());
    for (const Named& op : kReductions) {
      SCOPED_TRACE(testing::Message() << op.name << " of width " << width);
      std::vector<double> expected;
      for (int64_t b = 0; b < x.layout().num_sequences(); ++b) {
        for (int64_t i = 0; i < width; ++i) {
          std::vector<double> kept;
          for (int64_t t = x.layout().offset(b); t < x.layout().offset(b + 1); ++t) {
            if (!keep.keep()[static_cast<size_t>(t)]) continue;
            kept.push_back(x.values().values<float>()[static_cast<size_t>(t * width + i)]);
          }
          expected.push_back(reduced(op.name, kept));
        }
      }
      test::expect_close(op.reduce(x, keep).values<float>(), expected, test::kF32);
    }
  }
}

TEST(OverTokens, KeepAllTheAxesOfAToken) {
  const RaggedTensor x = random_batch(3, {2, 5});
  const RaggedTensor flat(x.values().reshape({x.layout().num_tokens(), 10}), x.layout());
  const Tensor out = mean_over_tokens(x);
  EXPECT_EQ(out.shape(), (Shape{9, 2, 5}));
  test::expect_same_bits(out.reshape({9, 10}), mean_over_tokens(flat));
}

TEST(OverTokens, ABatchEqualsEachSequenceAlone) {
  for (const int64_t width : {1, 19}) {
    for (const Named& op : kReductions) {
      SCOPED_TRACE(op.name);
      test::expect_batch_equals_alone(
          [&](const RaggedTensor& x) { return op.reduce(x, TokenMask::all(x.layout())); },
          random_batch(4, {width}));
    }
  }
}

TEST(OverTokens, ThreadsDoNotChangeTheBits) {
  const RaggedTensor x = random_batch(5, {700});
  const TokenMask keep = random_keep(6, x.layout());
  for (const Named& op : kReductions) {
    const Tensor expected = op.reduce(x, keep);
    for (const int num_threads : {1, 3}) {
      const Execution execution({.num_threads = num_threads});
      const ExecutionScope scope(execution);
      test::expect_same_bits(op.reduce(x, keep), expected);
    }
  }
}

TEST(OverTokens, TokensThatTakeNoPartDoNotMatter) {
  const RaggedTensor x = random_batch(8, {3});
  const TokenMask keep = random_keep(9, x.layout());
  RaggedTensor poisoned = x.with_values(x.values().to(DType::f32));
  Tensor values = poisoned.values();
  for (int64_t i = 0; i < values.num_elements(); ++i) {
    const bool kept = keep.keep()[static_cast<size_t>(i / 3)];
    if (!kept) values.mutable_values<float>()[static_cast<size_t>(i)] = kNan;
  }
  autograd::require_grad(values);
  for (const Named& op : kReductions) {
    SCOPED_TRACE(op.name);
    const Tensor out = op.reduce(x.with_values(values), keep);
    test::expect_same_bits(autograd::detach(out), op.reduce(x, keep));
    const Tensor ones = Tensor::from_values<float>(std::vector<float>(27, 1.0f), {9, 3});
    const Tensor d_x = autograd::backward(out, ones).of(values);
    for (int64_t i = 0; i < d_x.num_elements(); ++i) {
      const float d = d_x.values<float>()[static_cast<size_t>(i)];
      EXPECT_TRUE(std::isfinite(d));
      EXPECT_TRUE(keep.keep()[static_cast<size_t>(i / 3)] || d == 0.0f);
    }
  }
}

TEST(OverTokens, NothingKeptGivesZerosAndZeroGradients) {
  Tensor values = Tensor::from_values<float>(std::array{kNan, kNan}, {2, 1});
  autograd::require_grad(values);
  const RaggedTensor x(values, layout_of({2, 0}));
  for (const Named& op : kReductions) {
    SCOPED_TRACE(op.name);
    const Tensor out = op.reduce(x, TokenMask::none(x.layout()));
    test::expect_close(out.values<float>(), std::array{0.0f, 0.0f}, test::kExact);
    const Tensor ones = Tensor::from_values<float>(std::array{1.0f, 1.0f}, {2, 1});
    const Tensor d_x = autograd::backward(out, ones).of(values);
    test::expect_close(d_x.values<float>(), std::array{0.0f, 0.0f}, test::kExact);
  }
}

TEST(OverTokens, NoSequencesGiveNoRows) {
  const RaggedTensor x(Tensor::empty({0, 4}), {});
  for (const Named& op : kReductions) {
    EXPECT_EQ(op.reduce(x, TokenMask::all({})).shape(), (Shape{0, 4}));
  }
  EXPECT_EQ(argmax_over_tokens(x).columns.shape(), (Shape{0, 4}));
}

TEST(OverTokens, GradientsEqualCentralDifferences) {
  for (const int64_t width : {1, 3}) {
    const RaggedTensor x = random_batch(10, {width});
    const TokenMask keep = random_keep(11, x.layout());
    for (const Named& op : kReductions) {
      SCOPED_TRACE(op.name);
      test::expect_gradients(
          [&](std::span<const Tensor> in) { return op.reduce(x.with_values(in[0]), keep); },
          {x.values().to(DType::f64)});
    }
  }
}

TEST(OverTokens, GradientsInF32EqualThoseInF64) {
  const RaggedTensor x = random_batch(12, {5});
  const auto gradient = [&](const Named& op, DType dtype) {
    Tensor values = x.values().to(dtype);
    autograd::require_grad(values);
    const Tensor out = op.reduce(x.with_values(values), random_keep(13, x.layout()));
    return autograd::backward(out, test::Random(14).tensor(out.shape()).to(dtype)).of(values);
  };
  for (const Named& op : kReductions) {
    test::expect_close(gradient(op, DType::f32), gradient(op, DType::f64), test::kF32);
  }
}

TEST(OverTokens, AreNotRecordedInsideANoGradScope) {
  Tensor values = Tensor::zeros({2, 1});
  autograd::require_grad(values);
  const autograd::NoGradScope no_grad;
  const RaggedTensor x(values, layout_of({2}));
  for (const Named& op : kReductions) {
    EXPECT_FALSE(autograd::needs_grad(op.reduce(x, TokenMask::all(x.layout())))) << op.name;
  }
}

TEST(OverTokens, RefuseAMaskOverAnotherLayout) {
  test::expect_error<LayoutError>(
      [] {
        sum_over_tokens(small_batch(), TokenMask::all(layout_of({3, 0})));
      },
      "sum_over_tokens: keep: expected x's layout (B=3, T=4), got (B=2, T=3)");
}

TEST(OverTokens, RefuseIntegers) {
  test::expect_error<DTypeError>(
      [] {
        max_over_tokens({Tensor::zeros({1, 2}, DType::i32), layout_of({1})});
      },
      "max_over_tokens: x: expected f32, f64 or bf16, got i32");
}

TEST(Extrema, StandAtTheColumnOfThePaddedBatch) {
  // Left padding and a hole: the tokens stand in columns 1 and 3, and 0.
  const std::array<bool, 8> keep = {false, true, false, true, true, false, false, false};
  const auto layout = RaggedLayout::from_keep(Tensor::from_values<bool>(keep, {2, 4}));
  const RaggedTensor x(Tensor::from_values<float>(std::array{5.0f, 9.0f, -1.0f}, {3, 1}), layout);
  const TokenExtremum largest = argmax_over_tokens(x), smallest = argmin_over_tokens(x);
  test::expect_close(largest.values.values<float>(), std::array{9.0f, -1.0f}, test::kExact);
  test::expect_close(largest.columns.values<int64_t>(), std::array{3, 0}, test::kExact);
  test::expect_close(smallest.values.values<float>(), std::array{5.0f, -1.0f}, test::kExact);
  test::expect_close(smallest.columns.values<int64_t>(), std::array{1, 0}, test::kExact);
}

TEST(Extrema, TheFirstOfEqualsWinsAndGetsTheGradient) {
  Tensor values = Tensor::from_values<float>(std::array{2.0f, 7.0f, 7.0f}, {3, 1});
  autograd::require_grad(values);
  const TokenExtremum found = argmax_over_tokens({values, layout_of({3})});
  EXPECT_EQ(found.columns.values<int64_t>()[0], 1);
  const Tensor d_x = autograd::backward(found.values).of(values);
  test::expect_close(d_x.values<float>(), std::array{0.0f, 1.0f, 0.0f}, test::kExact);
}

TEST(Extrema, ANanWinsAndTheFirstOfThemStays) {
  const RaggedTensor x(Tensor::from_values<float>(std::array{1.0f, kNan, 3.0f, kNan}, {4, 1}),
                       layout_of({4}));
  for (const TokenExtremum& found : {argmax_over_tokens(x), argmin_over_tokens(x)}) {
    EXPECT_TRUE(std::isnan(found.values.values<float>()[0]));
    EXPECT_EQ(found.columns.values<int64_t>()[0], 1);
  }
}

TEST(Extrema, ATokenThatTakesNoPartIsNotFound) {
  const TokenExtremum found = argmax_over_tokens(small_batch(), small_keep());
  test::expect_close(found.columns.values<int64_t>(), std::array{2, -1, 0}, test::kExact);
  const TokenExtremum least = argmin_over_tokens(small_batch(), small_keep());
  test::expect_close(least.columns.values<int64_t>(), std::array{0, -1, 0}, test::kExact);
}

TEST(Extrema, MinusInfinityAloneIsFound) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const RaggedTensor x(Tensor::from_values<float>(std::array{-kInfinity}, {1, 1}), layout_of({1}));
  EXPECT_EQ(argmax_over_tokens(x).columns.values<int64_t>()[0], 0);
}

using OverAxis = Tensor (*)(const Tensor&, int);

TEST(OverAxis, GiveWhatTheirNamesSay) {
  const Tensor x =
      Tensor::from_values<float>(std::array{1.0f, 5.0f, 3.0f, 4.0f, 2.0f, 9.0f}, {2, 3});
  const auto expect = [](const Tensor& out, std::vector<float> expected) {
    EXPECT_EQ(out.shape(), Shape{std::ssize(expected)});
    const Tensor values = out.to(DType::f32);
    test::expect_close(values.values<float>(), expected, test::kExact);
  };
  expect(sum(x, 0), {5, 7, 12});
  expect(sum(x, 1), {9, 15});
  expect(mean(x, -1), {3, 5});
  expect(max(x, 0), {4, 5, 9});
  expect(min(x, -2), {1, 2, 3});
  expect(argmax(x, 1), {1, 2});
  expect(argmin(x, 0), {0, 1, 0});
  EXPECT_EQ(sum(x).values<float>()[0], 24);
  EXPECT_EQ(mean(x).values<float>()[0], 4);
  EXPECT_EQ(mean(x).shape(), Shape{});
}

TEST(OverAxis, AMiddleAxisLeavesTheOthers) {
  const Tensor x = test::Random(1).tensor({3, 4, 5});
  const Tensor out = max(x, 1), at = argmax(x, 1);
  ASSERT_EQ(out.shape(), (Shape{3, 5}));
  for (size_t i = 0; i < 15; ++i) {
    const size_t found = i / 5 * 20 + static_cast<size_t>(at.values<int64_t>()[i]) * 5 + i % 5;
    EXPECT_EQ(out.values<float>()[i], x.values<float>()[found]);
    for (size_t k = 0; k < 4; ++k) {
      EXPECT_LE(x.values<float>()[i / 5 * 20 + k * 5 + i % 5], out.values<float>()[i]);
    }
  }
}

TEST(OverAxis, AnEmptyAxisGivesZerosAndNoIndex) {
  const Tensor x = Tensor::empty({2, 0, 3});
  for (const OverAxis reduce : {OverAxis(sum), OverAxis(mean), OverAxis(max), OverAxis(min)}) {
    const Tensor out = reduce(x, 1);
    EXPECT_EQ(out.shape(), (Shape{2, 3}));
    for (const float value : out.values<float>()) EXPECT_EQ(value, 0.0f);
  }
  for (const int64_t index : argmax(x, 1).values<int64_t>()) EXPECT_EQ(index, -1);
  EXPECT_EQ(argmin(x, 2).shape(), (Shape{2, 0}));
  EXPECT_EQ(mean(x).values<float>()[0], 0.0f);
}

TEST(OverAxis, GradientsEqualCentralDifferences) {
  const Tensor x = test::Random(2).tensor({3, 4, 2}).to(DType::f64);
  for (const OverAxis reduce : {OverAxis(sum), OverAxis(mean), OverAxis(max), OverAxis(min)}) {
    for (const int axis : {0, 1, 2, -1}) {
      test::expect_gradients([&](std::span<const Tensor> in) { return reduce(in[0], axis); }, {x});
    }
  }
  test::expect_gradients([](std::span<const Tensor> in) { return sum(in[0]); }, {x});
  test::expect_gradients([](std::span<const Tensor> in) { return mean(in[0]); }, {x});
}

TEST(OverAxis, AnIndexIsNotRecorded) {
  Tensor x = Tensor::zeros({2, 2});
  autograd::require_grad(x);
  EXPECT_FALSE(autograd::needs_grad(argmax(x, 0)));
  EXPECT_TRUE(autograd::needs_grad(max(x, 0)));
}

TEST(OverAxis, RefuseAnAxisThatIsNotThere) {
  test::expect_error<ShapeError>(
      [] {
        sum(Tensor::zeros({2, 3}), 2);
      },
      "sum: axis: expected -2 to 1, got 2");
}

}  // namespace
}  // namespace nopad::ops
