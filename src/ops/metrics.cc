#include "nopad/ops/metrics.h"

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/reduce.h"
#include "ops/class_targets.h"
#include "ops/dispatch_float.h"

namespace nopad::ops {
namespace {

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Calls f(target, predicted) for each row that takes part.
template <class F>
void for_each_prediction(const ClassTargets& targets, const Tensor& logits, F&& f) {
  const Tensor predicted = argmax(logits, -1);
  const auto from = predicted.values<int64_t>();
  const auto classes = targets.classes.values<int64_t>();
  for (size_t row = 0; row < classes.size(); ++row) {
    if (classes[row] >= 0) f(classes[row], from[row]);
  }
}

Accuracy accuracy_of(const ClassTargets& targets, const Tensor& logits) {
  Accuracy out{.count = targets.num_kept};
  for_each_prediction(targets, logits, [&](int64_t target, int64_t predicted) {
    out.num_correct += target == predicted ? 1 : 0;
  });
  return out;
}

ConfusionMatrix matrix_of(const ClassTargets& targets, const Tensor& logits) {
  ConfusionMatrix out(logits.dim(-1));
  for_each_prediction(targets, logits,
                      [&](int64_t target, int64_t predicted) { out.add(target, predicted); });
  return out;
}

// kept : for each row of `width` elements; null: all
ConfusionCounts count_binary(const Tensor& predictions, const Tensor& targets, const bool* kept,
                             int64_t width, double threshold) {
  if (targets.shape() != predictions.shape()) {
    fail<ShapeError>("binary_confusion: targets: expected ", predictions.shape(), ", got ",
                     targets.shape());
  }
  ConfusionCounts out;
  const Tensor truths = autograd::detach(targets).to(DType::boolean);
  dispatch_float("binary_confusion", "predictions", predictions, [&]<class T>(T) {
    const auto values = predictions.values<T>();
    for (int64_t i = 0; i < std::ssize(values); ++i) {
      if (kept != nullptr && !kept[i / width]) continue;
      const auto at = static_cast<size_t>(i);
      const bool yes = static_cast<double>(values[at]) > threshold;
      const bool truth = truths.values<bool>()[at];
      ++(yes ? (truth ? out.true_positives : out.false_positives)
             : (truth ? out.false_negatives : out.true_negatives));
    }
  });
  return out;
}

double mean_over_classes(const ConfusionMatrix& matrix,
                         double (ConfusionCounts::*measure)() const) {
  double sum = 0;
  int64_t num_seen = 0;
  for (int64_t label = 0; label < matrix.num_classes(); ++label) {
    const ConfusionCounts counts = matrix.of_class(label);
    if (counts.true_positives + counts.false_positives + counts.false_negatives == 0) continue;
    sum += (counts.*measure)();
    ++num_seen;
  }
  return num_seen == 0 ? 0 : sum / static_cast<double>(num_seen);
}

}  // namespace

double Accuracy::value() const noexcept { return ratio(num_correct, count); }

Accuracy& Accuracy::operator+=(const Accuracy& other) noexcept {
  num_correct += other.num_correct;
  count += other.count;
  return *this;
}

double ConfusionCounts::precision() const noexcept {
  return ratio(true_positives, true_positives + false_positives);
}
double ConfusionCounts::recall() const noexcept {
  return ratio(true_positives, true_positives + false_negatives);
}
double ConfusionCounts::f1() const noexcept {
  return ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
}
double ConfusionCounts::iou() const noexcept {
  return ratio(true_positives, true_positives + false_positives + false_negatives);
}
Accuracy ConfusionCounts::accuracy() const noexcept {
  const int64_t correct = true_positives + true_negatives;
  return {correct, correct + false_positives + false_negatives};
}
ConfusionCounts& ConfusionCounts::operator+=(const ConfusionCounts& other) noexcept {
  true_positives += other.true_positives;
  false_positives += other.false_positives;
  false_negatives += other.false_negatives;
  true_negatives += other.true_negatives;
  return *this;
}

ConfusionMatrix::ConfusionMatrix(int64_t num_classes) : num_classes_(num_classes) {
  constexpr int64_t kMostClasses = 46340;  // whose matrix takes 16 GiB
  if (num_classes < 0 || num_classes > kMostClasses) {
    fail<OptionError>("ConfusionMatrix: num_classes: expected 0 to ", kMostClasses, ", got ",
                      num_classes);
  }
  counts_.resize(static_cast<size_t>(num_classes * num_classes));
}

size_t ConfusionMatrix::index(int64_t target, int64_t predicted) const {
  for (const int64_t label : {target, predicted}) {
    if (label < 0 || label >= num_classes_) {
      fail<OptionError>("ConfusionMatrix: class: expected 0 to ", num_classes_ - 1, ", got ",
                        label);
    }
  }
  return static_cast<size_t>(target * num_classes_ + predicted);
}

int64_t ConfusionMatrix::at(int64_t target, int64_t predicted) const {
  return counts_[index(target, predicted)];
}

void ConfusionMatrix::add(int64_t target, int64_t predicted, int64_t count) {
  counts_[index(target, predicted)] += count;
}

ConfusionCounts ConfusionMatrix::of_class(int64_t label) const {
  ConfusionCounts out{.true_positives = at(label, label)};
  int64_t total = 0;
  for (const int64_t count : counts_) total += count;
  for (int64_t other = 0; other < num_classes_; ++other) {
    if (other == label) continue;
    out.false_positives += at(other, label);
    out.false_negatives += at(label, other);
  }
  out.true_negatives = total - out.true_positives - out.false_positives - out.false_negatives;
  return out;
}

Accuracy ConfusionMatrix::accuracy() const noexcept {
  Accuracy out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    out.count += counts_[i];
    if (i % static_cast<size_t>(num_classes_ + 1) == 0) out.num_correct += counts_[i];
  }
  return out;
}

double ConfusionMatrix::mean_f1() const { return mean_over_classes(*this, &ConfusionCounts::f1); }

double ConfusionMatrix::mean_iou() const { return mean_over_classes(*this, &ConfusionCounts::iou); }

ConfusionMatrix& ConfusionMatrix::operator+=(const ConfusionMatrix& other) {
  if (other.num_classes_ != num_classes_) {
    fail<ShapeError>("ConfusionMatrix: classes: expected ", num_classes_, ", got ",
                     other.num_classes_);
  }
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  return *this;
}

Accuracy accuracy(const Tensor& logits, const Tensor& targets, int64_t ignore_index) {
  return accuracy_of(class_targets("accuracy", logits, targets, ignore_index), logits);
}

Accuracy accuracy(const RaggedTensor& logits, const RaggedTensor& targets, const TokenMask* keep,
                  int64_t ignore_index) {
  return accuracy_of(class_targets("accuracy", logits, targets, ignore_index, keep),
                     logits.values());
}

ConfusionMatrix confusion_matrix(const Tensor& logits, const Tensor& targets,
                                 int64_t ignore_index) {
  return matrix_of(class_targets("confusion_matrix", logits, targets, ignore_index), logits);
}

ConfusionMatrix confusion_matrix(const RaggedTensor& logits, const RaggedTensor& targets,
                                 const TokenMask* keep, int64_t ignore_index) {
  return matrix_of(class_targets("confusion_matrix", logits, targets, ignore_index, keep),
                   logits.values());
}

ConfusionCounts binary_confusion(const Tensor& predictions, const Tensor& targets,
                                 double threshold) {
  return count_binary(predictions, targets, nullptr, 1, threshold);
}

ConfusionCounts binary_confusion(const RaggedTensor& predictions, const RaggedTensor& targets,
                                 const TokenMask* keep, double threshold) {
  expect_layout(targets.layout(), predictions.layout(), "binary_confusion: targets", "predictions");
  const bool* const kept = kept_of("binary_confusion", "predictions", predictions.layout(), keep);
  const Shape token(predictions.values().shape().dims().subspan(1));
  return count_binary(predictions.values(), targets.values(), kept, token.num_elements(),
                      threshold);
}

}  // namespace nopad::ops
