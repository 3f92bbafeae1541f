#include "nopad/ops/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "kernels/softmax.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/reduce.h"
#include "ops/dispatch_float.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// log(e^a + e^b); a NaN stays.
double log_add(double a, double b) {
  if (a == kImpossible) return b;
  if (b == kImpossible) return a;
  return a > b ? a + std::log1p(std::exp(b - a)) : b + std::log1p(std::exp(a - b));
}

// One sequence's frames, and the states that a path walks through: blank, label, blank, label, ...,
// blank. From a state a path stays, goes on by one, or leaves out the blank between two labels that
// differ.
template <class T>
struct Lattice {
  const T* logits;    // [num_frames, num_classes]
  const T* log_sums;  // [num_frames]
  const int64_t* labels;
  int64_t num_frames, num_classes, num_labels, blank;

  int64_t num_states() const { return 2 * num_labels + 1; }
  int64_t class_of(int64_t state) const { return state % 2 == 0 ? blank : labels[state / 2]; }
  bool may_skip_to(int64_t state) const {
    return state % 2 == 1 && state >= 3 && labels[state / 2] != labels[state / 2 - 1];
  }
  double log_probability(int64_t frame, int64_t state) const {
    return static_cast<double>(logits[frame * num_classes + class_of(state)]) -
           static_cast<double>(log_sums[frame]);
  }

  // alpha: the log-probability of all paths up to a frame that end in a state. Before the first
  // frame a path stands in the first blank.
  void start(double* alpha) const {
    std::fill_n(alpha, num_states(), kImpossible);
    alpha[0] = 0;
  }
  void advance(const double* alpha, int64_t frame, double* next) const {
    for (int64_t s = 0; s < num_states(); ++s) {
      double sum = alpha[s];
      if (s >= 1) sum = log_add(sum, alpha[s - 1]);
      if (may_skip_to(s)) sum = log_add(sum, alpha[s - 2]);
      next[s] = sum + log_probability(frame, s);
    }
  }
  double total(const double* alpha) const {
    const int64_t last = num_states() - 1;
    return num_labels == 0 ? alpha[last] : log_add(alpha[last], alpha[last - 1]);
  }

  // beta: the log-probability of all paths from a state on, over the frames after this one.
  void finish(double* beta) const {
    std::fill_n(beta, num_states(), kImpossible);
    beta[num_states() - 1] = 0;
    if (num_labels > 0) beta[num_states() - 2] = 0;
  }
  void retreat(const double* beta, int64_t next_frame, double* previous) const {
    const auto through = [&](int64_t s) { return beta[s] + log_probability(next_frame, s); };
    for (int64_t s = 0; s < num_states(); ++s) {
      double sum = through(s);
      if (s + 1 < num_states()) sum = log_add(sum, through(s + 1));
      if (s + 2 < num_states() && may_skip_to(s + 2)) sum = log_add(sum, through(s + 2));
      previous[s] = sum;
    }
  }
};

// The operands, checked, and what the backward pass needs of the forward pass.
struct Problem {
  Tensor logits, log_sums;  // [T, C], [T]
  Tensor labels;            // [S] i64
  RaggedLayout frames, targets;
  int64_t blank;
  Tensor log_likelihoods = {};  // [B] f64

  template <class T>
  Lattice<T> lattice(int64_t b) const {
    return {.logits = logits.values<T>().data() + frames.offset(b) * logits.dim(1),
            .log_sums = log_sums.values<T>().data() + frames.offset(b),
            .labels = labels.values<int64_t>().data() + targets.offset(b),
            .num_frames = frames.length(b),
            .num_classes = logits.dim(1),
            .num_labels = targets.length(b),
            .blank = blank};
  }
};

// Scratch of `rows_of(b)` rows of states for each sequence, so that threads need none of their own.
struct Scratch {
  template <class Rows>
  Scratch(const RaggedLayout& targets, Rows&& rows_of) : offsets{0} {
    for (int64_t b = 0; b < targets.num_sequences(); ++b) {
      offsets.push_back(offsets.back() + rows_of(b) * (2 * targets.length(b) + 1));
    }
    values = Tensor::empty({offsets.back()}, DType::f64);
    data = values.mutable_values<double>().data();
  }
  double* of(int64_t b) const { return data + offsets[static_cast<size_t>(b)]; }

  std::vector<int64_t> offsets;
  Tensor values;
  double* data = nullptr;
};

template <class F>
void for_each_sequence(const Problem& p, F&& f) {
  auto sequences = [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b);
  };
  current_execution().threads().parallel_for(p.frames.num_sequences(), 1, sequences);
}

void expect_operands(const RaggedTensor& logits, const RaggedTensor& targets, int64_t blank) {
  if (logits.values().rank() != 2) {
    fail<ShapeError>("ctc: logits: expected [T, C], got ", logits.values().shape());
  }
  if (targets.values().rank() != 1) {
    fail<ShapeError>("ctc: targets: expected [S], got ", targets.values().shape());
  }
  if (targets.values().dtype() != DType::i32 && targets.values().dtype() != DType::i64) {
    fail<DTypeError>("ctc: targets: expected i32 or i64, got ", targets.values().dtype());
  }
  if (targets.layout().num_sequences() != logits.layout().num_sequences()) {
    fail<LayoutError>("ctc: targets: expected as many sequences as the logits ", logits.layout(),
                      ", got ", targets.layout());
  }
  const int64_t num_classes = logits.values().dim(1);
  if (blank < 0 || blank >= num_classes) {
    fail<OptionError>("ctc: blank: expected 0 to ", num_classes - 1, ", got ", blank);
  }
}

Tensor checked_labels(const Tensor& targets, int64_t num_classes, int64_t blank) {
  Tensor labels = targets.to(DType::i64);
  const auto ids = labels.values<int64_t>();
  const auto bad = std::ranges::find_if(
      ids, [&](int64_t id) { return id < 0 || id >= num_classes || id == blank; });
  if (bad != ids.end()) {
    fail<InputError>("ctc: targets: expected 0 to ", num_classes - 1, " without the blank ", blank,
                     ", got ", *bad, " at ", bad - ids.begin());
  }
  return labels;
}

template <class T>
void find_log_sums(Problem& p) {
  const int64_t width = p.logits.dim(1);
  const T* const x = p.logits.values<T>().data();
  T* const out = p.log_sums.mutable_values<T>().data();
  const auto& rows = kernels::softmax_kernels<T>(current_execution().isa());
  for_row_tasks(p.logits.dim(0), width, [&](int64_t begin, int64_t end) {
    rows.log_sum_exp(x + begin * width, out + begin, width, end - begin);
    // A frame of -inf alone has no possible class; -inf - -inf would make that a NaN.
    std::replace(out + begin, out + end, -std::numeric_limits<T>::infinity(), T{0});
  });
}

template <class T>
void find_log_likelihoods(Problem& p) {
  p.log_likelihoods = Tensor::empty({p.frames.num_sequences()}, DType::f64);
  double* const out = p.log_likelihoods.mutable_values<double>().data();
  const Scratch scratch(p.targets, [](int64_t) { return 2; });
  for_each_sequence(p, [&](int64_t b) {
    const Lattice<T> lattice = p.lattice<T>(b);
    double* alpha = scratch.of(b);
    double* next = alpha + lattice.num_states();
    lattice.start(alpha);
    for (int64_t t = 0; t < lattice.num_frames; ++t) {
      lattice.advance(alpha, t, next);
      std::swap(alpha, next);
    }
    out[b] = lattice.total(alpha);
  });
}

// d_x[t, c] = d (softmax(x[t])[c] - the share of paths that are at class c in frame t)
// alphas : scratch of num_frames + 3 rows of states
template <class T>
void gradient_of_sequence(const Lattice<T>& lattice, double log_likelihood, T d, double* alphas,
                          T* d_x) {
  const int64_t n = lattice.num_frames, width = lattice.num_classes, states = lattice.num_states();
  const auto& rows = kernels::softmax_kernels<T>(current_execution().isa());
  lattice.start(alphas);
  for (int64_t t = 0; t < n; ++t) {
    lattice.advance(alphas + t * states, t, alphas + (t + 1) * states);
    rows.scaled_exp(lattice.logits + t * width, lattice.log_sums + t, &d, d_x + t * width, width,
                    1);
  }
  double* beta = alphas + (n + 1) * states;
  double* previous = beta + states;
  lattice.finish(beta);
  for (int64_t t = n - 1; t >= 0; --t) {
    const double* const alpha = alphas + (t + 1) * states;
    for (int64_t s = 0; s < states; ++s) {
      const double share = std::exp(alpha[s] + beta[s] - log_likelihood);
      d_x[t * width + lattice.class_of(s)] -= d * static_cast<T>(share);
    }
    lattice.retreat(beta, t, previous);
    std::swap(beta, previous);
  }
}

template <class T>
Tensor gradient_of(const Problem& p, const Tensor& d_losses) {
  Tensor d_logits = Tensor::zeros(p.logits.shape(), p.logits.dtype());
  T* const d_x = d_logits.mutable_values<T>().data();
  const auto d = d_losses.values<T>();
  const auto log_likelihoods = p.log_likelihoods.values<double>();
  const Scratch scratch(p.targets, [&](int64_t b) { return p.frames.length(b) + 3; });
  for_each_sequence(p, [&](int64_t b) {
    const auto at = static_cast<size_t>(b);
    if (log_likelihoods[at] == kImpossible) return;
    gradient_of_sequence(p.lattice<T>(b), log_likelihoods[at], d[at], scratch.of(b),
                         d_x + p.frames.offset(b) * p.logits.dim(1));
  });
  return d_logits;
}

Problem solve(const RaggedTensor& logits, const RaggedTensor& targets, int64_t blank) {
  expect_operands(logits, targets, blank);
  const Tensor x = autograd::detach(logits.values());
  Problem p{x,
            Tensor::empty({x.dim(0)}, x.dtype()),
            checked_labels(targets.values(), x.dim(1), blank),
            logits.layout(),
            targets.layout(),
            blank};
  dispatch_float("ctc", "logits", x, [&]<class T>(T) {
    find_log_sums<T>(p);
    find_log_likelihoods<T>(p);
  });
  return p;
}

Tensor losses_of(const Problem& p, const Tensor& logits) {
  Tensor losses = p.log_likelihoods.to(logits.dtype());
  dispatch_float("ctc", "logits", logits, [&]<class T>(T) {
    for (T& loss : losses.mutable_values<T>()) loss = std::isinf(loss) ? T{0} : T{0} - loss;
  });
  if (autograd::should_record({&logits})) {
    autograd::record(losses, "ctc", {logits}, [p](const Tensor& d_losses) {
      return dispatch_float("ctc", "logits", p.logits,
                            [&]<class T>(T) { return std::vector{gradient_of<T>(p, d_losses)}; });
    });
  }
  return losses;
}

}  // namespace

Tensor ctc_per_sequence(const RaggedTensor& logits, const RaggedTensor& targets, CtcConfig config) {
  return losses_of(solve(logits, targets, config.blank), logits.values());
}

LossSum ctc(const RaggedTensor& logits, const RaggedTensor& targets, CtcConfig config) {
  const Problem p = solve(logits, targets, config.blank);
  const auto found = p.log_likelihoods.values<double>();
  const int64_t count = std::ssize(found) - std::ranges::count(found, kImpossible);
  return {sum(losses_of(p, logits.values())), count, static_cast<double>(count)};
}

}  // namespace nopad::ops
