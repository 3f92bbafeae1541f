#include "nopad/ops/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor ids(std::vector<int64_t> values) {
  return Tensor::from_values<int64_t>(values, {std::ssize(values)});
}

TokenMask keep_of(const RaggedLayout& layout, std::vector<int64_t> keep) {
  return TokenMask::from_tensor(layout, ids(std::move(keep)).to(DType::boolean));
}

// Predictions 2, 0, 1, 1 in sequences of three and one.
RaggedTensor small_logits() {
  const std::array logits = {0.0f, 1.0f, 2.0f, 5.0f,  4.0f,  3.0f,
                             0.0f, 9.0f, 0.0f, -2.0f, -1.0f, -1.0f};
  return {Tensor::from_values<float>(logits, {4, 3}),
          RaggedLayout::from_lengths(std::vector<int64_t>{3, 1})};
}
RaggedTensor small_targets() { return {ids({2, 1, 1, -100}), small_logits().layout()}; }

TEST(AccuracyOp, CountsTheTokensWhoseLargestLogitIsTheTargets) {
  EXPECT_EQ(accuracy(small_logits(), small_targets()), (Accuracy{2, 3}));
  const TokenMask keep = keep_of(small_logits().layout(), {0, 1, 1, 1});
  const Accuracy kept = accuracy(small_logits(), small_targets(), &keep);
  EXPECT_EQ(kept, (Accuracy{1, 2}));
  EXPECT_EQ(kept.value(), 0.5);
  EXPECT_EQ(accuracy(small_logits().values(), ids({2, 1, 1, 1}), 2), (Accuracy{2, 3}));
}

TEST(AccuracyOp, WhatTakesNoPartDoesNotCount) {
  RaggedTensor logits = small_logits();
  Tensor values = logits.values();
  values.mutable_values<float>()[0] = kNan;
  const TokenMask keep = keep_of(logits.layout(), {0, 1, 1, 1});
  EXPECT_EQ(accuracy(logits, small_targets(), &keep), (Accuracy{1, 2}));
  const TokenMask none = TokenMask::none(logits.layout());
  EXPECT_EQ(accuracy(logits, small_targets(), &none), (Accuracy{0, 0}));
  EXPECT_EQ((Accuracy{0, 0}.value()), 0);
  EXPECT_EQ(accuracy(Tensor::empty({0, 3}), ids({})), (Accuracy{0, 0}));
}

TEST(Metrics, TwoMicroBatchesAddUpToOneBatch) {
  test::Random random(1);
  const Tensor logits = random.tensor({50, 4});
  std::vector<int64_t> classes(50);
  for (int64_t& target : classes) target = random.integer(0, 3);
  const Tensor targets = ids(classes);
  const auto part = [](const Tensor& x, bool first) {
    return first ? x.rows(0, 19) : x.rows(19, 50);
  };
  Accuracy right = accuracy(part(logits, true), part(targets, true));
  right += accuracy(part(logits, false), part(targets, false));
  EXPECT_EQ(right, accuracy(logits, targets));
  ConfusionMatrix matrix = confusion_matrix(part(logits, true), part(targets, true));
  matrix += confusion_matrix(part(logits, false), part(targets, false));
  EXPECT_EQ(matrix, confusion_matrix(logits, targets));
  EXPECT_EQ(matrix.accuracy(), right);
  const Tensor truths = random.coins({50, 4});
  ConfusionCounts counts = binary_confusion(part(logits, true), part(truths, true), 0);
  counts += binary_confusion(part(logits, false), part(truths, false), 0);
  EXPECT_EQ(counts, binary_confusion(logits, truths, 0));
}

TEST(ConfusionMatrixOp, CountsWhatWasPredictedOfWhatWasTrue) {
  const ConfusionMatrix matrix = confusion_matrix(small_logits(), small_targets());
  EXPECT_EQ(matrix.at(2, 2), 1);
  EXPECT_EQ(matrix.at(1, 0), 1);
  EXPECT_EQ(matrix.at(1, 1), 1);
  EXPECT_EQ(matrix.at(0, 1), 0);
  EXPECT_EQ(matrix.accuracy(), (Accuracy{2, 3}));
  const ConfusionCounts expected{
      .true_positives = 1, .false_positives = 0, .false_negatives = 1, .true_negatives = 1};
  EXPECT_EQ(matrix.of_class(1), expected);
  // Class 0 was predicted once and never true: it counts, with 0.
  EXPECT_NEAR(matrix.mean_iou(), (0 + 0.5 + 1) / 3, 1e-15);
  EXPECT_NEAR(matrix.mean_f1(), (0 + 2.0 / 3 + 1) / 3, 1e-15);
}

TEST(ConfusionMatrixOp, AClassThatNeverOccursIsLeftOutOfTheMean) {
  ConfusionMatrix matrix(5);
  EXPECT_EQ(matrix.mean_iou(), 0);
  matrix.add(3, 3, 4);
  matrix.add(3, 1, 4);
  EXPECT_EQ(matrix.mean_iou(), 0.25);
}

TEST(ConfusionMatrixOp, RefusesWhatIsNoClass) {
  ConfusionMatrix matrix(2);
  test::expect_error<OptionError>([&] { matrix.add(0, 2); },
                                  "ConfusionMatrix: class: expected 0 to 1, got 2");
  test::expect_error<ShapeError>([&] { matrix += ConfusionMatrix(3); },
                                 "ConfusionMatrix: classes: expected 2, got 3");
  test::expect_error<OptionError>([] { ConfusionMatrix(-1); },
                                  "ConfusionMatrix: num_classes: expected 0 to 46340, got -1");
}

TEST(BinaryConfusion, CountsElementsOfTheTokensThatTakePart) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 1});
  const RaggedTensor p(
      Tensor::from_values<float>(std::array{0.9f, 0.1f, kNan, kNan, 0.6f, 0.5f}, {3, 2}), layout);
  const RaggedTensor z(ids({1, 0, 1, 1, 0, 1}).reshape({3, 2}), layout);
  const TokenMask keep = keep_of(layout, {1, 0, 1});
  const ConfusionCounts counts = binary_confusion(p, z, &keep);
  EXPECT_EQ(counts, (ConfusionCounts{1, 1, 1, 1}));
  EXPECT_EQ(counts.precision(), 0.5);
  EXPECT_EQ(counts.recall(), 0.5);
  EXPECT_EQ(counts.f1(), 0.5);
  EXPECT_NEAR(counts.iou(), 1.0 / 3, 1e-15);
  EXPECT_EQ(counts.accuracy(), (Accuracy{2, 4}));
  EXPECT_EQ(binary_confusion(p, z, &keep, 0.95).true_positives, 0);
}

TEST(BinaryConfusion, DividesByNothingAsZero) {
  const ConfusionCounts nothing;
  EXPECT_EQ(nothing.precision(), 0);
  EXPECT_EQ(nothing.recall(), 0);
  EXPECT_EQ(nothing.f1(), 0);
  EXPECT_EQ(nothing.iou(), 0);
  EXPECT_EQ(nothing.accuracy().value(), 0);
}

TEST(Metrics, RefuseWhatDoesNotFit) {
  test::expect_error<InputError>(
      [] {
        accuracy(small_logits().values(), ids({0, 1, 2, 3}));
      },
      "accuracy: targets: expected 0 to 2, or -100 to be ignored, got 3 at 3");
  const TokenMask keep = TokenMask::all(RaggedLayout::from_lengths(std::vector<int64_t>{4}));
  test::expect_error<LayoutError>(
      [&] { confusion_matrix(small_logits(), small_targets(), &keep); },
      "confusion_matrix: keep: expected logits's layout (B=2, T=4), got (B=1, T=4)");
  test::expect_error<ShapeError>([] { binary_confusion(Tensor::zeros({2}), Tensor::zeros({3})); },
                                 "binary_confusion: targets: expected [2], got [3]");
}

}  // namespace
}  // namespace nopad::ops
