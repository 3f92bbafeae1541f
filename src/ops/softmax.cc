#include "nopad/ops/softmax.h"

#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/softmax.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/broadcast.h"
#include "ops/dispatch_float.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

template <class T>
constexpr T kTakesNoPart = -std::numeric_limits<T>::infinity();

template <class T>
const kernels::SoftmaxKernels<T>& kernels_of() {
  return kernels::softmax_kernels<T>(current_execution().isa());
}

void expect_an_axis(std::string_view op, const Tensor& x) {
  if (x.rank() == 0) fail<ShapeError>(op, ": x: expected at least one axis, got []");
}

int64_t num_rows(const Tensor& x) {
  return x.num_elements() == 0 ? 0 : x.num_elements() / x.dim(-1);
}

// The softmax of each row of x, which may be y.
template <class T>
void softmax_rows(const T* x, Tensor& y) {
  const int64_t width = y.dim(-1);
  T* const to = y.mutable_values<T>().data();
  const auto& rows = kernels_of<T>();
  for_row_tasks(num_rows(y), width, [&](int64_t begin, int64_t end) {
    rows.softmax(x + begin * width, to + begin * width, width, end - begin);
  });
}

// From the gradient of y to that of x; both may lie in d.
template <class T>
void softmax_backward_rows(const Tensor& y, const T* d_y, Tensor& d_x) {
  const int64_t width = y.dim(-1);
  const T* const from = y.values<T>().data();
  T* const to = d_x.mutable_values<T>().data();
  const auto& rows = kernels_of<T>();
  for_row_tasks(num_rows(y), width, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * width;
    rows.softmax_backward(from + at, d_y + at, to + at, width, end - begin);
  });
}

// d_x = d_y - exp(y) sum(d_y)
template <class T>
void log_softmax_backward_rows(const T* y, const T* d_y, T* d_x, int64_t width, int64_t num_rows) {
  const auto& rows = kernels_of<T>();
  for (int64_t row = 0; row < num_rows; ++row, y += width, d_y += width, d_x += width) {
    double sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += static_cast<double>(d_y[i]);
    const T shift = 0, scale = static_cast<T>(sum);
    rows.scaled_exp(y, &shift, &scale, d_x, width, 1);
    for (int64_t i = 0; i < width; ++i) d_x[i] = d_y[i] - d_x[i];
  }
}

Tensor log_softmax_backward(const Tensor& y, const Tensor& d_y) {
  Tensor d_x = Tensor::empty(y.shape(), y.dtype());
  dispatch_float("log_softmax", "y", y, [&]<class T>(T) {
    const int64_t width = y.dim(-1);
    const T* const from = y.values<T>().data();
    const T* const d = d_y.values<T>().data();
    T* const to = d_x.mutable_values<T>().data();
    for_row_tasks(num_rows(y), width, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * width;
      log_softmax_backward_rows(from + at, d + at, to + at, width, end - begin);
    });
  });
  return d_x;
}

void expect_keep(const Tensor& x, const Tensor& keep) {
  if (keep.dtype() != DType::boolean) {
    fail<DTypeError>("masked_softmax: keep: expected bool, got ", keep.dtype());
  }
  if (broadcast_shape("masked_softmax", "keep", x.shape(), keep.shape()) != x.shape()) {
    fail<ShapeError>("masked_softmax: keep: expected a shape that broadcasts to ", x.shape(),
                     ", got ", keep.shape());
  }
}

// A copy of x that has `fill` where `keep`, which broadcasts, does not keep.
template <class T>
Tensor select_kept(const Tensor& x, const Tensor& keep, T fill) {
  Tensor out = Tensor::empty(x.shape(), x.dtype());
  const auto walk = broadcast_walk<1>(x.shape(), {keep.shape()});
  const int64_t stride = walk.inner_strides()[0];
  const T* const from = x.values<T>().data();
  const bool* const kept = keep.values<bool>().data();
  T* const to = out.mutable_values<T>().data();
  for_row_tasks(x.num_elements(), 1, [&](int64_t begin, int64_t end) {
    walk.for_each_run(begin, end, [&](int64_t at, int64_t count, const auto& offsets) {
      for (int64_t i = 0; i < count; ++i) {
        to[at + i] = kept[offsets[0] + i * stride] ? from[at + i] : fill;
      }
    });
  });
  return out;
}

// ---- over tokens

// A sequence's [tokens, features] as rows of tokens, one per feature: what the kernels take. Where
// there is one feature the two are the same.
template <class T>
struct FeatureRows {
  const RaggedLayout& layout;
  const bool* kept;  // [T]; null: every token takes part
  int64_t width;

  // Tokens that take no part come as `fill`. Feature by feature, so that the lines which a sequence's
  // tokens share stay in cache.
  void gather(const T* x, int64_t sequence, T fill, T* rows) const {
    const int64_t first = layout.offset(sequence), end = layout.offset(sequence + 1);
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t t = first; t < end; ++t) {
        *rows++ = kept == nullptr || kept[t] ? x[t * width + i] : fill;
      }
    }
  }
  void scatter(const T* rows, int64_t sequence, T* out) const {
    const int64_t first = layout.offset(sequence), end = layout.offset(sequence + 1);
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t t = first; t < end; ++t) out[t * width + i] = *rows++;
    }
  }
};

const bool* kept_of(const Tensor& keep) {
  return keep.num_elements() == 0 ? nullptr : keep.values<bool>().data();
}

int64_t token_width(const Tensor& values) {
  return Shape(values.shape().dims().subspan(1)).num_elements();
}

// y, kept in the order of the kernels' rows: sequence by sequence, then feature by feature.
Tensor rows_over_tokens(const RaggedTensor& x, const Tensor& keep) {
  Tensor rows = Tensor::empty(x.values().shape(), x.values().dtype());
  dispatch_float("softmax_over_tokens", "x", rows, [&]<class T>(T) {
    const FeatureRows<T> features{x.layout(), kept_of(keep), token_width(rows)};
    const T* const from = x.values().values<T>().data();
    T* const to = rows.mutable_values<T>().data();
    const auto& kernels = kernels_of<T>();
    auto sequences = [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        T* const own = to + x.layout().offset(b) * features.width;
        features.gather(from, b, kTakesNoPart<T>, own);
        kernels.softmax(own, own, x.layout().length(b), features.width);
      }
    };
    current_execution().threads().parallel_for(x.layout().num_sequences(), 1, sequences);
  });
  return rows;
}

Tensor rows_to_tokens(const Tensor& rows, const RaggedLayout& layout) {
  const int64_t width = token_width(rows);
  if (width == 1) return rows;
  Tensor out = Tensor::empty(rows.shape(), rows.dtype());
  dispatch_float("softmax_over_tokens", "x", rows, [&]<class T>(T) {
    const FeatureRows<T> features{layout, nullptr, width};
    const T* const from = rows.values<T>().data();
    T* const to = out.mutable_values<T>().data();
    auto sequences = [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        features.scatter(from + layout.offset(b) * width, b, to);
    };
    current_execution().threads().parallel_for(layout.num_sequences(), 1, sequences);
  });
  return out;
}

Tensor over_tokens_backward(const Tensor& rows, const RaggedLayout& layout, const Tensor& keep,
                            const Tensor& d_y) {
  Tensor d_rows = Tensor::empty(rows.shape(), rows.dtype());
  dispatch_float("softmax_over_tokens", "x", rows, [&]<class T>(T) {
    const FeatureRows<T> features{layout, kept_of(keep), token_width(rows)};
    const T* const y = rows.values<T>().data();
    const T* const d = d_y.values<T>().data();
    T* const to = d_rows.mutable_values<T>().data();
    const auto& kernels = kernels_of<T>();
    auto sequences = [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t at = layout.offset(b) * features.width;
        features.gather(d, b, T{0}, to + at);
        kernels.softmax_backward(y + at, to + at, to + at, layout.length(b), features.width);
      }
    };
    current_execution().threads().parallel_for(layout.num_sequences(), 1, sequences);
  });
  return rows_to_tokens(d_rows, layout);
}

RaggedTensor over_tokens(const RaggedTensor& x, const Tensor& keep) {
  const Tensor rows = rows_over_tokens(x, keep);
  Tensor y = rows_to_tokens(rows, x.layout());
  if (autograd::should_record({&x.values()})) {
    autograd::record(y, "softmax_over_tokens", {x.values()},
                     [rows, layout = x.layout(), keep](const Tensor& d_y) {
                       return std::vector{over_tokens_backward(rows, layout, keep, d_y)};
                     });
  }
  return x.with_values(y);
}

}  // namespace

Tensor softmax(const Tensor& x) {
  expect_an_axis("softmax", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("softmax", "x", x, [&]<class T>(T) { softmax_rows(x.values<T>().data(), y); });
  if (autograd::should_record({&x})) {
    autograd::record(y, "softmax", {x}, [y](const Tensor& d_y) {
      Tensor d_x = Tensor::empty(y.shape(), y.dtype());
      dispatch_float("softmax", "y", y,
                     [&]<class T>(T) { softmax_backward_rows(y, d_y.values<T>().data(), d_x); });
      return std::vector{d_x};
    });
  }
  return y;
}

Tensor log_softmax(const Tensor& x) {
  expect_an_axis("log_softmax", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_float("log_softmax", "x", x, [&]<class T>(T) {
    const int64_t width = x.dim(-1);
    const T* const from = x.values<T>().data();
    T* const to = y.mutable_values<T>().data();
    const auto& rows = kernels_of<T>();
    for_row_tasks(num_rows(x), width, [&](int64_t begin, int64_t end) {
      for (int64_t at = begin * width; at < end * width; at += width) {
        T log_sum = 0;
        rows.log_sum_exp(from + at, &log_sum, width, 1);
        if (log_sum == kTakesNoPart<T>) log_sum = 0;  // -inf - 0 is -inf, and -inf + inf is NaN
        for (int64_t i = at; i < at + width; ++i) to[i] = from[i] - log_sum;
      }
    });
  });
  if (autograd::should_record({&x})) {
    autograd::record(y, "log_softmax", {x},
                     [y](const Tensor& d_y) { return std::vector{log_softmax_backward(y, d_y)}; });
  }
  return y;
}

Tensor masked_softmax(const Tensor& x, const Tensor& keep) {
  expect_an_axis("masked_softmax", x);
  expect_keep(x, keep);
  Tensor y;
  dispatch_float("masked_softmax", "x", x, [&]<class T>(T) {
    y = select_kept(x, keep, kTakesNoPart<T>);
    softmax_rows(y.values<T>().data(), y);
  });
  if (autograd::should_record({&x})) {
    autograd::record(y, "masked_softmax", {x}, [y, keep](const Tensor& d_y) {
      Tensor d_x;
      dispatch_float("masked_softmax", "y", y, [&]<class T>(T) {
        d_x = select_kept(d_y, keep, T{0});
        softmax_backward_rows(y, d_x.values<T>().data(), d_x);
      });
      return std::vector{d_x};
    });
  }
  return y;
}

RaggedTensor softmax(const RaggedTensor& x) {
  if (x.values().rank() < 2) {
    fail<ShapeError>("softmax: x: expected [T, ..., C], got ", x.values().shape(),
                     "; over the tokens of a sequence it is softmax_over_tokens");
  }
  return x.with_values(softmax(x.values()));
}

RaggedTensor log_softmax(const RaggedTensor& x) {
  if (x.values().rank() < 2) {
    fail<ShapeError>("log_softmax: x: expected [T, ..., C], got ", x.values().shape());
  }
  return x.with_values(log_softmax(x.values()));
}

RaggedTensor softmax_over_tokens(const RaggedTensor& x) { return over_tokens(x, {}); }

RaggedTensor softmax_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  keep.expect_layout(x.layout(), "softmax_over_tokens", "x");
  return over_tokens(x, keep.to_tensor());
}

}  // namespace nopad::ops
