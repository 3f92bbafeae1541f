#include "nopad/ops/ctc.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/execution.h"
#include "nopad/ops/softmax.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

RaggedLayout layout_of(std::vector<int64_t> lengths) { return RaggedLayout::from_lengths(lengths); }

RaggedTensor labels_of(const std::vector<std::vector<int64_t>>& sequences) {
  std::vector<int64_t> all, lengths;
  for (const auto& sequence : sequences) {
    all.insert(all.end(), sequence.begin(), sequence.end());
    lengths.push_back(std::ssize(sequence));
  }
  return {Tensor::from_values<int64_t>(all, {std::ssize(all)}), layout_of(lengths)};
}

RaggedTensor random_logits(uint64_t seed, std::vector<int64_t> lengths, int64_t num_classes) {
  const RaggedLayout layout = layout_of(std::move(lengths));
  return {test::Random(seed).tensor({layout.num_tokens(), num_classes}, -2, 2), layout};
}

RaggedTensor in_f64(const RaggedTensor& x) { return x.with_values(x.values().to(DType::f64)); }

// Repeats merged, then blanks removed.
std::vector<int64_t> collapsed(const std::vector<int64_t>& path, int64_t blank) {
  std::vector<int64_t> out;
  for (size_t t = 0; t < path.size(); ++t) {
    const bool repeats = t > 0 && path[t] == path[t - 1];
    if (!repeats && path[t] != blank) out.push_back(path[t]);
  }
  return out;
}

// The probability of `labels` as the sum over every path of classes that collapses to them.
double probability_by_paths(const Tensor& logits, const std::vector<int64_t>& labels,
                            int64_t blank) {
  const Tensor shares = softmax(logits);
  const int64_t num_frames = logits.dim(0), num_classes = logits.dim(1);
  std::vector<int64_t> path(static_cast<size_t>(num_frames), 0);
  double total = 0;
  while (true) {
    double probability = 1;
    for (size_t t = 0; t < path.size(); ++t) {
      probability *= shares.values<double>()[t * static_cast<size_t>(num_classes) +
                                             static_cast<size_t>(path[t])];
    }
    if (collapsed(path, blank) == labels) total += probability;
    size_t t = 0;
    while (t < path.size() && ++path[t] == num_classes) path[t++] = 0;
    if (t == path.size()) return total;
  }
}

TEST(Ctc, EqualsTheSumOverAllPaths) {
  const std::vector<std::vector<int64_t>> labels = {{}, {1}, {2, 1}, {1, 1}, {2, 1, 2}, {1, 1, 2}};
  for (const int64_t blank : {0, 3}) {
    for (const int64_t num_frames : {1, 2, 3, 4, 5}) {
      for (const auto& own : labels) {
        const RaggedTensor x =
            in_f64(random_logits(static_cast<uint64_t>(num_frames), {num_frames}, 4));
        const double probability = probability_by_paths(x.values(), own, blank);
        const LossSum loss = ctc(x, labels_of({own}), {.blank = blank});
        EXPECT_EQ(loss.count, probability > 0 ? 1 : 0);
        EXPECT_NEAR(loss.sum.values<double>()[0], probability > 0 ? -std::log(probability) : 0,
                    1e-12);
      }
    }
  }
}

// By hand: two frames of even odds over {blank, a}. "a" is read from aa, a-, -a: 3/4.
TEST(Ctc, CountsEveryWayOfPlacingALabel) {
  const RaggedTensor x(Tensor::zeros({2, 2}), layout_of({2}));
  EXPECT_NEAR(ctc(x, labels_of({{1}})).sum.values<float>()[0], -std::log(0.75f), 1e-6);
  EXPECT_NEAR(ctc(x, labels_of({{}})).sum.values<float>()[0], -std::log(0.25f), 1e-6);
}

// PyTorch 2.15 in f64, x[i] = 3 sin(1 + 1.7 i) as [6, 5], frames 4 and 2, labels [1, 1] and [3]:
// ctc_loss(log_softmax(x), ..., reduction="none").sum(), and the sum of i d_x[i] for its mean.
TEST(Ctc, EqualsPyTorch) {
  Tensor x = Tensor::empty({6, 5}, DType::f64);
  for (int i = 0; i < 30; ++i)
    x.mutable_values<double>()[static_cast<size_t>(i)] = 3 * std::sin(1 + 1.7 * i);
  autograd::require_grad(x);
  const LossSum loss = ctc({x, layout_of({4, 2})}, labels_of({{1, 1}, {3}}));
  EXPECT_NEAR(autograd::detach(loss.sum).values<double>()[0], 11.482057089055, 1e-11);
  const Tensor d_x = autograd::backward(loss.mean()).of(x);
  double moment = 0;
  for (int i = 0; i < 30; ++i) moment += i * d_x.values<double>()[static_cast<size_t>(i)];
  EXPECT_NEAR(moment, 3.288754991496, 1e-11);
}

TEST(Ctc, LabelsThatDoNotFitTakeNoPart) {
  // A repeated label needs a blank between its two.
  RaggedTensor x = random_logits(1, {2, 3, 0, 0}, 3);
  Tensor values = x.values();
  autograd::require_grad(values);
  x = x.with_values(values);
  const LossSum loss = ctc(x, labels_of({{1, 1}, {1, 1}, {1}, {}}));
  EXPECT_EQ(loss.count, 2);
  const Tensor each = ctc_per_sequence(x, labels_of({{1, 1}, {1, 1}, {1}, {}}));
  const auto losses = each.values<float>();
  EXPECT_EQ(losses[0], 0);
  EXPECT_GT(losses[1], 0);
  EXPECT_EQ(losses[2], 0);
  EXPECT_EQ(losses[3], 0);
  EXPECT_FALSE(std::signbit(losses[3]));
  const Tensor d = autograd::backward(loss.mean()).of(values);
  for (size_t i = 0; i < 15; ++i) EXPECT_EQ(d.values<float>()[i] != 0, i >= 6) << i;
}

TEST(Ctc, NothingThatFitsGivesZeroAndZeroGradients) {
  Tensor values = Tensor::zeros({1, 3});
  autograd::require_grad(values);
  const LossSum loss = ctc({values, layout_of({1})}, labels_of({{1, 2}}));
  EXPECT_EQ(loss.count, 0);
  EXPECT_EQ(loss.mean().values<float>()[0], 0);
  for (const float d : autograd::backward(loss.mean()).of(values).values<float>()) EXPECT_EQ(d, 0);
  EXPECT_EQ(ctc({Tensor::empty({0, 3}), layout_of({})}, labels_of({})).count, 0);
}

TEST(Ctc, AClassThatIsImpossibleIsNoNan) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Tensor values = Tensor::from_values<float>(
      std::array{0.0f, -kInfinity, 0.0f, 0.0f, -kInfinity, 0.0f}, {2, 3});
  autograd::require_grad(values);
  const RaggedTensor x(values, layout_of({2}));
  EXPECT_EQ(ctc(x, labels_of({{1}})).count, 0);
  const LossSum other = ctc(x, labels_of({{2}}));
  EXPECT_NEAR(other.sum.values<float>()[0], -std::log(0.75f), 1e-6);
  for (const float d : autograd::backward(other.sum).of(values).values<float>()) {
    EXPECT_TRUE(std::isfinite(d));
  }
}

TEST(Ctc, InF32EqualsF64) {
  const RaggedTensor x = random_logits(2, {40, 17, 65}, 33);
  const RaggedTensor labels = labels_of({{1, 2, 2, 3, 30}, {4, 4}, {5, 6, 7, 32, 32, 1, 9}});
  test::expect_close(ctc_per_sequence(x, labels), ctc_per_sequence(in_f64(x), labels),
                     {1e-4, 1e-5});
}

TEST(Ctc, ASequenceHasTheSameBitsAloneAndOnAnyNumberOfThreads) {
  const RaggedTensor x = random_logits(3, {9, 0, 1, 33, 17}, 19);
  const std::vector<std::vector<int64_t>> labels = {{1, 1, 4}, {}, {2}, {5, 6, 7, 7}, {}};
  const Tensor together = ctc_per_sequence(x, labels_of(labels));
  for (int64_t b = 0; b < 5; ++b) {
    const auto own = labels_of({labels[static_cast<size_t>(b)]});
    test::expect_same_bits(ctc_per_sequence(test::alone(x, b), own), together.rows(b, b + 1));
    const RaggedTensor poisoned = test::with_poisoned_neighbours(x, b);
    test::expect_same_bits(ctc_per_sequence(poisoned, labels_of(labels)).rows(b, b + 1),
                           together.rows(b, b + 1));
  }
  const Execution execution({.num_threads = 3});
  const ExecutionScope scope(execution);
  test::expect_same_bits(ctc_per_sequence(x, labels_of(labels)), together);
}

TEST(Ctc, ANanStaysInItsSequence) {
  RaggedTensor x = random_logits(4, {3, 3}, 4);
  Tensor values = x.values().to(DType::f32);
  values.mutable_values<float>()[1] = kNan;
  autograd::require_grad(values);
  const Tensor losses = ctc_per_sequence(x.with_values(values), labels_of({{1}, {1}}));
  EXPECT_TRUE(std::isnan(losses.values<float>()[0]));
  EXPECT_TRUE(std::isfinite(losses.values<float>()[1]));
  const Tensor ones = Tensor::from_values<float>(std::array{1.0f, 1.0f}, {2});
  const Tensor d = autograd::backward(losses, ones).of(values);
  for (size_t i = 12; i < 24; ++i) EXPECT_TRUE(std::isfinite(d.values<float>()[i]));
}

TEST(Ctc, GradientsEqualCentralDifferences) {
  const RaggedTensor x = in_f64(random_logits(5, {5, 0, 1, 7, 2}, 4));
  const RaggedTensor labels = labels_of({{1, 1, 2}, {}, {3}, {2, 1, 2}, {1, 1}});
  test::expect_gradients(
      [&](std::span<const Tensor> in) { return ctc_per_sequence(x.with_values(in[0]), labels); },
      {x.values()});
  test::expect_gradients(
      [&](std::span<const Tensor> in) { return ctc(x.with_values(in[0]), labels).mean(); },
      {x.values()});
}

TEST(Ctc, GradientsInF32EqualThoseInF64) {
  const RaggedTensor x = random_logits(6, {30, 12}, 17);
  const RaggedTensor labels = labels_of({{1, 2, 2, 3, 16}, {4, 4}});
  const auto gradient = [&](DType dtype) {
    Tensor values = x.values().to(dtype);
    autograd::require_grad(values);
    return autograd::backward(ctc(x.with_values(values), labels).sum).of(values);
  };
  test::expect_close(gradient(DType::f32), gradient(DType::f64), {2e-5, 1e-5});
}

TEST(Ctc, RefusesWhatDoesNotFit) {
  const RaggedTensor x = random_logits(7, {2, 2}, 4);
  test::expect_error<LayoutError>(
      [&] { ctc(x, labels_of({{1}})); },
      "ctc: targets: expected as many sequences as the logits (B=2, T=4), got (B=1, T=1)");
  test::expect_error<InputError>(
      [&] {
        ctc(x, labels_of({{1}, {0}}));
      },
      "ctc: targets: expected 0 to 3 without the blank 0, got 0 at 1");
  test::expect_error<InputError>(
      [&] {
        ctc(x, labels_of({{1}, {4}}));
      },
      "ctc: targets: expected 0 to 3 without the blank 0, got 4 at 1");
  test::expect_error<OptionError>(
      [&] {
        ctc(x, labels_of({{1}, {1}}), {.blank = 4});
      },
      "ctc: blank: expected 0 to 3, got 4");
  test::expect_error<ShapeError>(
      [] {
        ctc({Tensor::zeros({2}), layout_of({2})}, labels_of({{1}}));
      },
      "ctc: logits: expected [T, C], got [2]");
  test::expect_error<DTypeError>(
      [&] {
        ctc(x, {Tensor::zeros({2}), layout_of({1, 1})});
      },
      "ctc: targets: expected i32 or i64, got f32");
}

}  // namespace
}  // namespace nopad::ops
