#include "nopad/ops/softmax.h"

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
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor row_of(std::vector<float> values) {
  return Tensor::from_values<float>(values, {1, std::ssize(values)});
}

template <size_t N>
Tensor keep_of(const std::array<bool, N>& keep, const Shape& shape) {
  return Tensor::from_values<bool>(keep, shape);
}

RaggedTensor random_batch(uint64_t seed, int64_t width) {
  test::Random random(seed);
  const RaggedLayout layout = RaggedLayout::from_lengths(random.lengths(9, 70));
  return {random.tensor({layout.num_tokens(), width}, -4, 4), layout};
}

TokenMask random_keep(uint64_t seed, const RaggedLayout& layout) {
  return TokenMask::from_tensor(layout, test::Random(seed).coins({layout.num_tokens()}));
}

// A weighted sum of the elements has a gradient that is not zero, as that of their plain sum is.
Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, Tensor x) {
  autograd::require_grad(x);
  const Tensor out = f(x);
  const Tensor d_out = test::Random(99).tensor(out.shape()).to(out.dtype());
  return autograd::backward(out, d_out).of(x);
}

TEST(Softmax, GivesSharesOfOne) {
  const float ln2 = std::log(2.0f);
  const Tensor y = softmax(row_of({0, ln2, 0}));
  test::expect_close(y.values<float>(), std::array{0.25f, 0.5f, 0.25f}, test::kF32);
  const Tensor log_y = log_softmax(row_of({0, ln2, 0}));
  test::expect_close(log_y.values<float>(), std::array{-2 * ln2, -ln2, -2 * ln2}, test::kF32);
}

TEST(Softmax, EqualsF64OverRandomRowsOfEveryWidth) {
  for (const int64_t width : {1, 7, 8, 9, 16, 17, 65}) {
    const Tensor x = test::Random(1).tensor({3, 2, width}, -10, 10);
    test::expect_close(softmax(x), softmax(x.to(DType::f64)), test::kF32);
    test::expect_close(log_softmax(x), log_softmax(x.to(DType::f64)), test::kF32);
  }
}

TEST(Softmax, MinusInfinityTakesNoPartAndAloneGivesZeros) {
  const Tensor x = Tensor::from_values<float>(
      std::array{0.0f, -kInfinity, 0.0f, -kInfinity, -kInfinity, -kInfinity}, {2, 3});
  const Tensor y = softmax(x);
  test::expect_close(y.values<float>(), std::array{0.5f, 0.0f, 0.5f, 0.0f, 0.0f, 0.0f},
                     test::kExact);
  EXPECT_EQ(log_softmax(x).values<float>()[4], -kInfinity);
  for (const float d :
       gradient_of([](const Tensor& in) { return softmax(in); }, x).values<float>()) {
    EXPECT_TRUE(std::isfinite(d));
  }
}

TEST(Softmax, ANanStaysInItsRow) {
  const Tensor y = softmax(Tensor::from_values<float>(std::array{0.0f, kNan, 0.0f, 0.0f}, {2, 2}));
  EXPECT_TRUE(std::isnan(y.values<float>()[0]));
  EXPECT_EQ(y.values<float>()[2], 0.5f);
}

TEST(Softmax, ABatchEqualsEachSequenceAlone) {
  test::expect_batch_equals_alone([](const RaggedTensor& x) { return softmax(x); },
                                  random_batch(2, 37));
  test::expect_batch_equals_alone([](const RaggedTensor& x) { return log_softmax(x); },
                                  random_batch(3, 37));
}

TEST(Softmax, GradientsEqualCentralDifferences) {
  const Tensor x = test::Random(4).tensor({3, 5}, -2, 2).to(DType::f64);
  test::expect_gradients([](std::span<const Tensor> in) { return softmax(in[0]); }, {x});
  test::expect_gradients([](std::span<const Tensor> in) { return log_softmax(in[0]); }, {x});
}

TEST(Softmax, GradientsInF32EqualThoseInF64) {
  const Tensor x = test::Random(5).tensor({4, 37}, -3, 3);
  for (Tensor (*f)(const Tensor&) : {static_cast<Tensor (*)(const Tensor&)>(softmax),
                                     static_cast<Tensor (*)(const Tensor&)>(log_softmax)}) {
    test::expect_close(gradient_of(f, x), gradient_of(f, x.to(DType::f64)), test::kF32);
  }
}

TEST(Softmax, NoRowsGiveNoRows) {
  EXPECT_EQ(softmax(Tensor::empty({0, 4})).shape(), (Shape{0, 4}));
  EXPECT_EQ(log_softmax(Tensor::empty({3, 0})).shape(), (Shape{3, 0}));
}

TEST(Softmax, IsNotRecordedInsideANoGradScope) {
  Tensor x = Tensor::zeros({1, 2});
  autograd::require_grad(x);
  EXPECT_TRUE(autograd::needs_grad(softmax(x)));
  const autograd::NoGradScope no_grad;
  EXPECT_FALSE(autograd::needs_grad(softmax(x)));
}

TEST(Softmax, RefusesWhatItCanNotTake) {
  test::expect_error<ShapeError>([] { softmax(Tensor::zeros({})); },
                                 "softmax: x: expected at least one axis, got []");
  test::expect_error<DTypeError>([] { log_softmax(Tensor::zeros({2}, DType::i32)); },
                                 "log_softmax: x: expected f32 or f64, got i32");
  const RaggedTensor scores(Tensor::zeros({3}),
                            RaggedLayout::from_lengths(std::array<int64_t, 1>{3}));
  test::expect_error<ShapeError>([&] { softmax(scores); },
                                 "softmax: x: expected [T, ..., C], got [3]; over the tokens of a "
                                 "sequence it is softmax_over_tokens");
}

TEST(MaskedSoftmax, IsASoftmaxOverWhatIsKept) {
  const Tensor keep = keep_of(std::array{true, false, true, true}, {1, 4});
  const Tensor y = masked_softmax(row_of({1, kNan, 2, 3}), keep);
  const Tensor alone = softmax(row_of({1, 2, 3}));
  const auto kept = alone.values<float>();
  test::expect_close(y.values<float>(), std::array{kept[0], 0.0f, kept[1], kept[2]}, test::kF32);
  EXPECT_EQ(y.values<float>()[1], 0.0f);
}

TEST(MaskedSoftmax, KeepIsBroadcastOverEveryAxis) {
  const Tensor x = test::Random(6).tensor({2, 3, 4});
  const Tensor keep =
      keep_of(std::array{true, false, false, true, true, true, false, true}, {2, 1, 4});
  const Tensor y = masked_softmax(x, keep);
  for (int64_t i = 0; i < y.num_elements(); ++i) {
    const bool kept = keep.values<bool>()[static_cast<size_t>(i / 12 * 4 + i % 4)];
    EXPECT_EQ(y.values<float>()[static_cast<size_t>(i)] != 0, kept) << i;
  }
  const Tensor rows = keep_of(std::array{true, false, true}, {3, 1});
  EXPECT_EQ(masked_softmax(x, rows).values<float>()[4], 0.0f);
  EXPECT_NE(masked_softmax(x, rows).values<float>()[0], 0.0f);
}

TEST(MaskedSoftmax, NothingKeptGivesZerosAndZeroGradients) {
  const Tensor keep = Tensor::zeros({2, 1}, DType::boolean);
  const Tensor x = Tensor::from_values<float>(std::array{kNan, 1.0f, kInfinity, 2.0f}, {2, 2});
  const std::array zeros{0.0f, 0.0f, 0.0f, 0.0f};
  const auto f = [&](const Tensor& in) { return masked_softmax(in, keep); };
  test::expect_close(f(x).values<float>(), zeros, test::kExact);
  test::expect_close(gradient_of(f, x).values<float>(), zeros, test::kExact);
}

TEST(MaskedSoftmax, ANanGradientOfWhatIsNotKeptDoesNotSpread) {
  Tensor x = row_of({1, 2, 3});
  autograd::require_grad(x);
  const Tensor y = masked_softmax(x, keep_of(std::array{true, true, false}, {3}));
  const Tensor d_x = autograd::backward(y, row_of({1, 0, kNan})).of(x);
  for (const float d : d_x.values<float>()) EXPECT_TRUE(std::isfinite(d));
  EXPECT_EQ(d_x.values<float>()[2], 0.0f);
}

TEST(MaskedSoftmax, GradientsEqualCentralDifferences) {
  const Tensor keep = test::Random(7).coins({4, 6});
  test::expect_gradients([&](std::span<const Tensor> in) { return masked_softmax(in[0], keep); },
                         {test::Random(8).tensor({2, 4, 6}, -2, 2).to(DType::f64)});
}

TEST(MaskedSoftmax, RefusesAKeepThatIsWiderThanX) {
  test::expect_error<ShapeError>(
      [] {
        masked_softmax(Tensor::zeros({1, 3}), Tensor::zeros({2, 3}, DType::boolean));
      },
      "masked_softmax: keep: expected a shape that broadcasts to [1, 3], got [2, 3]");
  test::expect_error<DTypeError>([] { masked_softmax(Tensor::zeros({3}), Tensor::zeros({3})); },
                                 "masked_softmax: keep: expected bool, got f32");
}

TEST(SoftmaxOverTokens, EachFeatureOfASequenceSumsToOne) {
  for (const int64_t width : {1, 3, 17}) {
    const RaggedTensor x = random_batch(9, width);
    const RaggedTensor y = softmax_over_tokens(x);
    EXPECT_EQ(y.layout(), x.layout());
    for (int64_t b = 0; b < x.layout().num_sequences(); ++b) {
      for (int64_t i = 0; i < width && x.layout().length(b) > 0; ++i) {
        double sum = 0, expected = 0;
        for (int64_t t = x.layout().offset(b); t < x.layout().offset(b + 1); ++t) {
          const auto at = static_cast<size_t>(t * width + i);
          sum += y.values().values<float>()[at];
          expected += std::exp(static_cast<double>(x.values().values<float>()[at]));
        }
        EXPECT_NEAR(sum, 1, 1e-6);
        const auto first = static_cast<size_t>(x.layout().offset(b) * width + i);
        EXPECT_NEAR(y.values().values<float>()[first],
                    std::exp(x.values().values<float>()[first]) / expected, 1e-6);
      }
    }
  }
}

TEST(SoftmaxOverTokens, AKeptPartIsASequenceOfItsOwn) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{3, 2});
  const RaggedTensor x(Tensor::from_values<float>(std::array{1.0f, kNan, 2.0f, 5.0f, 6.0f}, {5}),
                       layout);
  const auto keep =
      TokenMask::from_tensor(layout, keep_of(std::array{true, false, true, false, false}, {5}));
  const RaggedTensor y = softmax_over_tokens(x, keep);
  const float share = 1 / (1 + std::exp(1.0f));
  test::expect_close(y.values().values<float>(), std::array{share, 0.0f, 1 - share, 0.0f, 0.0f},
                     test::kF32);
}

TEST(SoftmaxOverTokens, ABatchEqualsEachSequenceAlone) {
  for (const int64_t width : {1, 5}) {
    test::expect_batch_equals_alone([](const RaggedTensor& x) { return softmax_over_tokens(x); },
                                    random_batch(10, width));
  }
}

TEST(SoftmaxOverTokens, ThreadsDoNotChangeTheBits) {
  const RaggedTensor x = random_batch(11, 33);
  const Tensor expected = softmax_over_tokens(x).values();
  const Execution execution({.num_threads = 3});
  const ExecutionScope scope(execution);
  test::expect_same_bits(softmax_over_tokens(x).values(), expected);
}

TEST(SoftmaxOverTokens, GradientsEqualCentralDifferences) {
  for (const int64_t width : {1, 3}) {
    const RaggedTensor x = random_batch(12, width);
    const TokenMask keep = random_keep(13, x.layout());
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return softmax_over_tokens(x.with_values(in[0]), keep).values();
        },
        {x.values().to(DType::f64)});
    const auto f = [&](const Tensor& in) {
      return softmax_over_tokens(x.with_values(in)).values();
    };
    test::expect_close(gradient_of(f, x.values()), gradient_of(f, x.values().to(DType::f64)),
                       test::kF32);
  }
}

TEST(SoftmaxOverTokens, TokensThatTakeNoPartGetNoGradient) {
  const RaggedTensor x = random_batch(14, 2);
  const TokenMask keep = random_keep(15, x.layout());
  Tensor poisoned = x.values().to(DType::f32);
  for (size_t i = 0; i < poisoned.values<float>().size(); ++i) {
    if (!keep.keep()[i / 2]) poisoned.mutable_values<float>()[i] = kNan;
  }
  const auto f = [&](const Tensor& in) {
    return softmax_over_tokens(x.with_values(in), keep).values();
  };
  test::expect_same_bits(f(poisoned), f(x.values()));
  test::expect_same_bits(gradient_of(f, poisoned), gradient_of(f, x.values()));
}

TEST(SoftmaxOverTokens, RefusesAMaskOverAnotherLayout) {
  const auto other = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{3}));
  test::expect_error<LayoutError>(
      [&] {
        softmax_over_tokens(random_batch(16, 1).with_values(random_batch(16, 1).values()), other);
      },
      concat("softmax_over_tokens: keep: expected x's layout ", random_batch(16, 1).layout(),
             ", got (B=1, T=3)"));
}

}  // namespace
}  // namespace nopad::ops
