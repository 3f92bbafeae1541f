// Metrics over real tokens, as counts: those of two micro-batches add up to those of one batch.
#pragma once

#include <cstdint>
#include <vector>

#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::ops {

// How many of those that took part were right.
struct Accuracy {
  int64_t num_correct = 0;
  int64_t count = 0;

  // 0 where nothing took part.
  double value() const noexcept;
  Accuracy& operator+=(const Accuracy& other) noexcept;
  friend bool operator==(const Accuracy&, const Accuracy&) = default;
};

// What was predicted of one class (or of "yes"), against what was true.
struct ConfusionCounts {
  int64_t true_positives = 0, false_positives = 0, false_negatives = 0, true_negatives = 0;

  // Each is 0 where it would divide by 0.
  double precision() const noexcept;  // of what was predicted, how much was true
  double recall() const noexcept;     // of what was true, how much was predicted
  double f1() const noexcept;         // their harmonic mean
  double iou() const noexcept;        // what was both, of what was either
  Accuracy accuracy() const noexcept;
  ConfusionCounts& operator+=(const ConfusionCounts& other) noexcept;
  friend bool operator==(const ConfusionCounts&, const ConfusionCounts&) = default;
};

// How often each class was predicted where each was true.
class ConfusionMatrix {
 public:
  // Throws OptionError: fewer than 0 classes, or more than 46340.
  explicit ConfusionMatrix(int64_t num_classes);

  int64_t num_classes() const noexcept { return num_classes_; }
  // Throws OptionError: not a class.
  int64_t at(int64_t target, int64_t predicted) const;
  void add(int64_t target, int64_t predicted, int64_t count = 1);

  // One class against all others. Throws OptionError: not a class.
  ConfusionCounts of_class(int64_t label) const;
  Accuracy accuracy() const noexcept;
  // The mean over classes that occur, as target or as prediction; 0 where none does.
  double mean_f1() const;
  double mean_iou() const;
  // Throws ShapeError: another number of classes.
  ConfusionMatrix& operator+=(const ConfusionMatrix& other);
  friend bool operator==(const ConfusionMatrix&, const ConfusionMatrix&) = default;

 private:
  size_t index(int64_t target, int64_t predicted) const;

  int64_t num_classes_;
  std::vector<int64_t> counts_;  // [target, predicted]
};

// Whether the largest logit is the target's. Of equal ones the first is taken; a NaN is the
// largest.
// logits       : [..., C] f32, f64 or bf16; or probabilities
// targets      : [...] i32 or i64, 0 to C - 1 or ignore_index; of a token that is not kept, anything
// ignore_index : a target that takes no part
// keep         : which tokens take part; null: all
// Mask         : consumes the layout and keep, and ends them
// Edge         : nothing takes part: counts of 0
// Throws       : InputError, a target beyond the classes; LayoutError, targets or keep over another
//                layout; ShapeError; DTypeError
Accuracy accuracy(const Tensor& logits, const Tensor& targets, int64_t ignore_index = -100);
Accuracy accuracy(const RaggedTensor& logits, const RaggedTensor& targets,
                  const TokenMask* keep = nullptr, int64_t ignore_index = -100);
ConfusionMatrix confusion_matrix(const Tensor& logits, const Tensor& targets,
                                 int64_t ignore_index = -100);
ConfusionMatrix confusion_matrix(const RaggedTensor& logits, const RaggedTensor& targets,
                                 const TokenMask* keep = nullptr, int64_t ignore_index = -100);

// Yes or no, for each element of the tokens that take part. accuracy() of it is the binary accuracy.
// predictions : [...] or [T, ...], f32 or f64; above the threshold is yes: 0.5 for probabilities, 0
//               for logits
// targets     : the same shape, any dtype; not zero is yes
// keep        : which tokens take part; null: all
// Mask, Edge  : as accuracy; a NaN is no
// Throws      : LayoutError, targets or keep over another layout; ShapeError; DTypeError
ConfusionCounts binary_confusion(const Tensor& predictions, const Tensor& targets,
                                 double threshold = 0.5);
ConfusionCounts binary_confusion(const RaggedTensor& predictions, const RaggedTensor& targets,
                                 const TokenMask* keep = nullptr, double threshold = 0.5);

}  // namespace nopad::ops
