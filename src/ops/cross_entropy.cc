#include <cmath>
#include <limits>
#include <vector>

#include "kernels/softmax.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/loss.h"
#include "nopad/ops/reduce.h"
#include "ops/class_targets.h"
#include "ops/dispatch_float.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

constexpr const char* kOp = "cross_entropy";

void expect_config(const Tensor& logits, const CrossEntropyConfig& config) {
  if (!(config.label_smoothing >= 0 && config.label_smoothing <= 1)) {
    fail<OptionError>(kOp, ": label_smoothing: expected 0 to 1, got ", config.label_smoothing);
  }
  const Tensor& weights = config.class_weights;
  if (weights.num_elements() == 0) return;
  autograd::expect_no_grad("cross_entropy of class_weights", {&weights});
  if (weights.shape() != Shape{logits.dim(-1)}) {
    fail<ShapeError>(kOp, ": class_weights: expected ", Shape{logits.dim(-1)}, ", got ",
                     weights.shape());
  }
  if (weights.dtype() != logits.dtype()) {
    fail<DTypeError>(kOp, ": class_weights: expected ", logits.dtype(), " as the logits, got ",
                     weights.dtype());
  }
}

// One token's loss is the sum over classes c of share(c) (log_sum_exp - x[c]): the target has
// 1 - smoothing of its weight, and every class smoothing / C of its own.
template <class T>
struct Shares {
  int64_t num_classes;
  const T* weights;  // [C]; null: all 1
  T target, each;

  T weight(int64_t c) const { return weights == nullptr ? T{1} : weights[c]; }
  T of_target(int64_t target_class) const { return target * weight(target_class); }
  T of_spread() const {
    if (weights == nullptr) return each * static_cast<T>(num_classes);
    T sum = 0;
    for (int64_t c = 0; c < num_classes; ++c) sum += weights[c];
    return each * sum;
  }
};

template <class T>
Shares<T> shares_of(int64_t num_classes, const CrossEntropyConfig& config) {
  const Tensor& weights = config.class_weights;
  const double each =
      num_classes == 0 ? 0 : config.label_smoothing / static_cast<double>(num_classes);
  return {num_classes, weights.num_elements() == 0 ? nullptr : weights.values<T>().data(),
          static_cast<T>(1 - config.label_smoothing), static_cast<T>(each)};
}

template <class T>
T loss_of_row(const T* x, int64_t target_class, T log_sum, const Shares<T>& shares) {
  T loss = shares.of_target(target_class) * (log_sum - x[target_class]);
  if (shares.each == 0) return loss;
  T spread = 0;
  for (int64_t c = 0; c < shares.num_classes; ++c) spread += shares.weight(c) * (log_sum - x[c]);
  return loss + shares.each * spread;
}

// d_x[c] = d (softmax(x)[c] (the sum of all shares) - share(c))
template <class T>
void gradient_of_row(const kernels::SoftmaxKernels<T>& rows, const T* x, int64_t target_class,
                     T log_sum, T d, T spread, const Shares<T>& shares, T* d_x) {
  const T scale = d * (shares.of_target(target_class) + spread);
  rows.scaled_exp(x, &log_sum, &scale, d_x, shares.num_classes, 1);
  d_x[target_class] -= d * shares.of_target(target_class);
  if (shares.each == 0) return;
  for (int64_t c = 0; c < shares.num_classes; ++c) d_x[c] -= d * shares.each * shares.weight(c);
}

// losses, log_sums : [rows]
template <class T>
void losses_of_rows(const Tensor& logits, const Tensor& classes, const CrossEntropyConfig& config,
                    Tensor& losses, Tensor& log_sums) {
  const int64_t width = logits.dim(-1);
  const Shares<T> shares = shares_of<T>(width, config);
  const T* const x = logits.values<T>().data();
  const int64_t* const target = classes.values<int64_t>().data();
  T* const loss = losses.mutable_values<T>().data();
  T* const log_sum = log_sums.mutable_values<T>().data();
  const auto& rows = kernels::softmax_kernels<T>(current_execution().isa());
  for_row_tasks(classes.num_elements(), width, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      loss[row] = log_sum[row] = 0;
      if (target[row] < 0) continue;
      rows.log_sum_exp(x + row * width, log_sum + row, width, 1);
      // No class is possible at all: an infinite loss, and not -inf - -inf.
      if (log_sum[row] == -std::numeric_limits<T>::infinity()) log_sum[row] = 0;
      loss[row] = loss_of_row(x + row * width, target[row], log_sum[row], shares);
    }
  });
}

template <class T>
Tensor gradient_of_rows(const Tensor& logits, const Tensor& classes,
                        const CrossEntropyConfig& config, const Tensor& log_sums,
                        const Tensor& d_losses) {
  Tensor d_logits = Tensor::zeros(logits.shape(), logits.dtype());
  const int64_t width = logits.dim(-1);
  const Shares<T> shares = shares_of<T>(width, config);
  const T spread = shares.of_spread();
  const T* const x = logits.values<T>().data();
  const int64_t* const target = classes.values<int64_t>().data();
  const T* const log_sum = log_sums.values<T>().data();
  const T* const d = d_losses.values<T>().data();
  T* const d_x = d_logits.mutable_values<T>().data();
  const auto& rows = kernels::softmax_kernels<T>(current_execution().isa());
  for_row_tasks(classes.num_elements(), width, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (target[row] < 0) continue;
      gradient_of_row(rows, x + row * width, target[row], log_sum[row], d[row], spread, shares,
                      d_x + row * width);
    }
  });
  return d_logits;
}

Tensor per_token(const Tensor& logits, const Tensor& classes, const Shape& shape,
                 const CrossEntropyConfig& config) {
  expect_config(logits, config);
  Tensor losses = Tensor::empty(shape, logits.dtype());
  Tensor log_sums = Tensor::empty(shape, logits.dtype());
  dispatch_float(kOp, "logits", logits,
                 [&]<class T>(T) { losses_of_rows<T>(logits, classes, config, losses, log_sums); });
  if (autograd::should_record({&logits})) {
    autograd::record(losses, kOp, {logits},
                     [x = autograd::detach(logits), classes, config, log_sums](const Tensor& d) {
                       return dispatch_float(kOp, "logits", x, [&]<class T>(T) {
                         return std::vector{gradient_of_rows<T>(x, classes, config, log_sums, d)};
                       });
                     });
  }
  return losses;
}

// What PyTorch's mean divides by.
double total_weight(const ClassTargets& targets, const Tensor& class_weights) {
  if (class_weights.num_elements() == 0) return static_cast<double>(targets.num_kept);
  const Tensor weights = class_weights.to(DType::f64);
  double total = 0;
  for (const int64_t target : targets.classes.values<int64_t>()) {
    if (target >= 0) total += weights.values<double>()[static_cast<size_t>(target)];
  }
  return total;
}

LossSum total(const Tensor& logits, const ClassTargets& targets, const CrossEntropyConfig& config) {
  const Tensor losses = per_token(logits, targets.classes, targets.classes.shape(), config);
  return {sum(losses), targets.num_kept, total_weight(targets, config.class_weights)};
}

}  // namespace

LossSum cross_entropy(const Tensor& logits, const Tensor& targets,
                      const CrossEntropyConfig& config) {
  return total(logits, class_targets(kOp, logits, targets, config.ignore_index), config);
}

LossSum cross_entropy(const RaggedTensor& logits, const RaggedTensor& targets,
                      const CrossEntropyConfig& config, const TokenMask* keep) {
  return total(logits.values(), class_targets(kOp, logits, targets, config.ignore_index, keep),
               config);
}

Tensor cross_entropy_per_token(const Tensor& logits, const Tensor& targets,
                               const CrossEntropyConfig& config) {
  const ClassTargets read = class_targets(kOp, logits, targets, config.ignore_index);
  return per_token(logits, read.classes, targets.shape(), config);
}

RaggedTensor cross_entropy_per_token(const RaggedTensor& logits, const RaggedTensor& targets,
                                     const CrossEntropyConfig& config, const TokenMask* keep) {
  const ClassTargets read = class_targets(kOp, logits, targets, config.ignore_index, keep);
  return targets.with_values(
      per_token(logits.values(), read.classes, targets.values().shape(), config));
}

}  // namespace nopad::ops
