#include "nopad/ops/loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/reduce.h"
#include "ops/class_targets.h"
#include "ops/dispatch_float.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

// Each loss of an element x and its target z, and its derivative by x.
struct LogitLoss {
  static constexpr const char* kOp = "binary_cross_entropy_with_logits";
  static constexpr bool kTargetsHaveGradients = false;
  template <class T>
  static T value(T x, T z) {
    return std::max(x, T{0}) - x * z + std::log1p(std::exp(-std::abs(x)));
  }
  template <class T>
  static T slope(T x, T z) {
    return 1 / (1 + std::exp(-x)) - z;
  }
};

struct ProbabilityLoss {
  static constexpr const char* kOp = "binary_cross_entropy";
  static constexpr bool kTargetsHaveGradients = false;
  static constexpr double kClip = 1e-7;
  template <class T>
  static T clipped(T p) {
    return std::clamp(p, static_cast<T>(kClip), static_cast<T>(1 - kClip));
  }
  template <class T>
  static T value(T x, T z) {
    const T p = clipped(x);
    return -(z * std::log(p) + (1 - z) * std::log(1 - p));
  }
  template <class T>
  static T slope(T x, T z) {
    const T p = clipped(x);
    return p == x || std::isnan(x) ? (p - z) / (p * (1 - p)) : T{0};
  }
};

struct SquaredError {
  static constexpr const char* kOp = "mean_squared_error";
  static constexpr bool kTargetsHaveGradients = true;
  template <class T>
  static T value(T x, T z) {
    return (x - z) * (x - z);
  }
  template <class T>
  static T slope(T x, T z) {
    return 2 * (x - z);
  }
};

// The elements of one loss: rows of `width`, some of which take no part.
struct Elements {
  Tensor predictions, targets;
  Tensor keep;  // [rows] bool; without elements every row takes part
  int64_t num_rows, width;

  const bool* kept() const {
    return keep.num_elements() == 0 ? nullptr : keep.values<bool>().data();
  }
  int64_t num_kept_rows() const {
    return kept() == nullptr ? num_rows : std::ranges::count(keep.values<bool>(), true);
  }
};

// out = f(x, z) for each element that takes part, 0 for the others; `i` counts the elements.
template <class T, class F>
Tensor for_each_element(const Elements& e, F&& f) {
  Tensor out = Tensor::zeros(e.predictions.shape(), e.predictions.dtype());
  const T* const x = e.predictions.values<T>().data();
  const T* const z = e.targets.values<T>().data();
  const bool* const kept = e.kept();
  T* const to = out.mutable_values<T>().data();
  for_row_tasks(e.num_rows, e.width, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (kept != nullptr && !kept[row]) continue;
      for (int64_t i = row * e.width; i < (row + 1) * e.width; ++i) to[i] = f(x[i], z[i], i);
    }
  });
  return out;
}

template <class Loss>
Tensor backward_of(const Elements& e, const Tensor& d_losses, double sign) {
  return dispatch_float(Loss::kOp, "predictions", e.predictions, [&]<class T>(T) {
    const T* const d = d_losses.values<T>().data();
    return for_each_element<T>(
        e, [&](T x, T z, int64_t i) { return static_cast<T>(sign) * d[i] * Loss::slope(x, z); });
  });
}

void expect_operands(const char* op, const Tensor& predictions, const Tensor& targets) {
  if (targets.shape() != predictions.shape()) {
    fail<ShapeError>(op, ": targets: expected ", predictions.shape(), ", got ", targets.shape());
  }
  if (targets.dtype() != predictions.dtype()) {
    fail<DTypeError>(op, ": targets: expected ", predictions.dtype(), ", got ", targets.dtype());
  }
}

template <class Loss>
Tensor per_element(const Elements& e) {
  const Tensor &predictions = e.predictions, &targets = e.targets;
  expect_operands(Loss::kOp, predictions, targets);
  if (!Loss::kTargetsHaveGradients) autograd::expect_no_grad(Loss::kOp, {&targets});
  Tensor out = dispatch_float(Loss::kOp, "predictions", predictions, [&]<class T>(T) {
    return for_each_element<T>(e, [](T x, T z, int64_t) { return Loss::value(x, z); });
  });
  if (autograd::should_record({&predictions, &targets})) {
    const bool needs_x = autograd::needs_grad(predictions), needs_z = autograd::needs_grad(targets);
    Elements saved = e;
    saved.predictions = autograd::detach(predictions);
    saved.targets = autograd::detach(targets);
    autograd::record(out, Loss::kOp, {predictions, targets}, [=](const Tensor& d) {
      return std::vector{needs_x ? backward_of<Loss>(saved, d, 1) : Tensor(),
                         needs_z ? backward_of<Loss>(saved, d, -1) : Tensor()};
    });
  }
  return out;
}

Elements dense_elements(const Tensor& predictions, const Tensor& targets) {
  return {predictions, targets, {}, predictions.num_elements(), 1};
}

Elements token_elements(const char* op, const RaggedTensor& predictions,
                        const RaggedTensor& targets, const TokenMask* keep) {
  expect_layout(targets.layout(), predictions.layout(), concat(op, ": targets"), "predictions");
  if (keep != nullptr) keep->expect_layout(predictions.layout(), op, "predictions");
  const Shape token(predictions.values().shape().dims().subspan(1));
  return {predictions.values(), targets.values(), keep == nullptr ? Tensor() : keep->to_tensor(),
          predictions.layout().num_tokens(), token.num_elements()};
}

template <class Loss>
LossSum total(const Elements& e) {
  const int64_t count = e.num_kept_rows() * e.width;
  return {sum(per_element<Loss>(e)), count, static_cast<double>(count)};
}

template <class Loss>
LossSum total(const RaggedTensor& x, const RaggedTensor& targets, const TokenMask* keep) {
  return total<Loss>(token_elements(Loss::kOp, x, targets, keep));
}

template <class Loss>
RaggedTensor per_element(const RaggedTensor& x, const RaggedTensor& targets,
                         const TokenMask* keep) {
  return x.with_values(per_element<Loss>(token_elements(Loss::kOp, x, targets, keep)));
}

// A scalar over a number; 0 where that is 0.
Tensor divided(const Tensor& x, double divisor) {
  Tensor out = Tensor::zeros({}, x.dtype());
  if (divisor == 0) return out;
  dispatch_float("LossSum", "sum", x, [&]<class T>(T) {
    out.mutable_values<T>()[0] = static_cast<T>(static_cast<double>(x.values<T>()[0]) / divisor);
  });
  return out;
}

}  // namespace

Tensor LossSum::mean() const {
  Tensor out = divided(sum, weight);
  if (autograd::should_record({&sum})) {
    autograd::record(out, "LossSum", {sum}, [divisor = weight](const Tensor& d_out) {
      return std::vector{divided(d_out, divisor)};
    });
  }
  return out;
}

LossSum operator+(const LossSum& a, const LossSum& b) {
  if (a.sum.dtype() != b.sum.dtype()) {
    fail<DTypeError>("LossSum: b: expected ", a.sum.dtype(), ", got ", b.sum.dtype());
  }
  Tensor out = Tensor::empty({}, a.sum.dtype());
  dispatch_float("LossSum", "sum", out, [&]<class T>(T) {
    out.mutable_values<T>()[0] = a.sum.values<T>()[0] + b.sum.values<T>()[0];
  });
  if (autograd::should_record({&a.sum, &b.sum})) {
    autograd::record(out, "LossSum", {a.sum, b.sum}, [](const Tensor& d_out) {
      return std::vector{d_out, d_out};
    });
  }
  return {out, a.count + b.count, a.weight + b.weight};
}

LossSum binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets) {
  return total<LogitLoss>(dense_elements(logits, targets));
}
LossSum binary_cross_entropy_with_logits(const RaggedTensor& logits, const RaggedTensor& targets,
                                         const TokenMask* keep) {
  return total<LogitLoss>(logits, targets, keep);
}
RaggedTensor binary_cross_entropy_with_logits_per_element(const RaggedTensor& logits,
                                                          const RaggedTensor& targets,
                                                          const TokenMask* keep) {
  return per_element<LogitLoss>(logits, targets, keep);
}

LossSum binary_cross_entropy(const Tensor& probabilities, const Tensor& targets) {
  return total<ProbabilityLoss>(dense_elements(probabilities, targets));
}
LossSum binary_cross_entropy(const RaggedTensor& probabilities, const RaggedTensor& targets,
                             const TokenMask* keep) {
  return total<ProbabilityLoss>(probabilities, targets, keep);
}
RaggedTensor binary_cross_entropy_per_element(const RaggedTensor& probabilities,
                                              const RaggedTensor& targets, const TokenMask* keep) {
  return per_element<ProbabilityLoss>(probabilities, targets, keep);
}

LossSum mean_squared_error(const Tensor& predictions, const Tensor& targets) {
  return total<SquaredError>(dense_elements(predictions, targets));
}
LossSum mean_squared_error(const RaggedTensor& predictions, const RaggedTensor& targets,
                           const TokenMask* keep) {
  return total<SquaredError>(predictions, targets, keep);
}
RaggedTensor squared_error_per_element(const RaggedTensor& predictions, const RaggedTensor& targets,
                                       const TokenMask* keep) {
  return per_element<SquaredError>(predictions, targets, keep);
}

}  // namespace nopad::ops
