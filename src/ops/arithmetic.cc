#include "nopad/ops/arithmetic.h"

#include <functional>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/select.h"
#include "ops/broadcast.h"
#include "ops/operands.h"

namespace nopad::ops {
namespace {

// Signed overflow is undefined in C++; unsigned numbers wrap.
template <class T, class F>
T wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(f(static_cast<Unsigned>(a), static_cast<Unsigned>(b)));
  } else {
    return f(a, b);
  }
}

// NaN where either is: a comparison with a NaN is false.
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : (b >= a || b != b ? b : a);
  }
};
struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : (b <= a || b != b ? b : a);
  }
};

// Calls f with the C++ type of a number's dtype.
template <class F>
void dispatch_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::i32: return f(int32_t{});
    case DType::i64: return f(int64_t{});
    default: fail<InternalError>("dispatch_number: dtype: got ", dtype);
  }
}

void expect_same_dtype(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) {
    fail<DTypeError>(op, ": b: expected ", a.dtype(), " as a, got ", b.dtype());
  }
}

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

void expect_number(std::string_view op, const Tensor& a) {
  if (!is_float(a.dtype()) && a.dtype() != DType::i32 && a.dtype() != DType::i64) {
    fail<DTypeError>(op, ": a: expected f32, f64, i32 or i64, got ", a.dtype());
  }
}

void expect_numbers(std::string_view op, const Tensor& a, const Tensor& b) {
  expect_number(op, a);
  expect_same_dtype(op, a, b);
}

// out[i] = f(a[i], b[i]). Operands of one shape, a number and a row beside many are plain loops.
template <class T, class Out, class F>
void combine_range(const StridedWalk<2>& walk, const T* a, const T* b, Out* out, F f, int64_t begin,
                   int64_t end) {
  const auto [a_stride, b_stride] = walk.inner_strides();
  walk.for_each_run(begin, end,
                    [&, a_stride = a_stride, b_stride = b_stride](int64_t position, int64_t count,
                                                                  const auto& offsets) {
                      const T* const x = a + offsets[0];
                      const T* const y = b + offsets[1];
                      Out* const to = out + position;
                      if (b_stride == 0) {
                        const T right = *y;
                        for (int64_t i = 0; i < count; ++i) to[i] = f(x[i], right);
                      } else if (a_stride == 0) {
                        const T left = *x;
                        for (int64_t i = 0; i < count; ++i) to[i] = f(left, y[i]);
                      } else {
                        for (int64_t i = 0; i < count; ++i) to[i] = f(x[i], y[i]);
                      }
                    });
}

template <class T, class Out, class F>
Tensor combine(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  Tensor out = Tensor::empty(broadcast_shape(op, "b", a.shape(), b.shape()), dtype_of<Out>);
  if (out.num_elements() == 0) return out;
  const auto walk = broadcast_walk<2>(out.shape(), {a.shape(), b.shape()});
  const T* const from_a = a.values<T>().data();
  const T* const from_b = b.values<T>().data();
  Out* const to = out.mutable_values<Out>().data();
  auto range = [&](int64_t begin, int64_t end) {
    combine_range(walk, from_a, from_b, to, f, begin, end);
  };
  current_execution().threads().parallel_for(out.num_elements(), kElementsPerTask, range);
  return out;
}

template <class F>
Tensor combine_numbers(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  expect_numbers(op, a, b);
  Tensor out;
  dispatch_number(a.dtype(), [&]<class T>(T) {
    out = combine<T, T>(op, a, b, [f](T x, T y) { return wrapping(x, y, f); });
  });
  return out;
}

template <class F>
Tensor compare(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  expect_numbers(op, a, b);
  Tensor out;
  dispatch_number(a.dtype(), [&]<class T>(T) { out = combine<T, bool>(op, a, b, f); });
  return out;
}

template <class F>
Tensor combine_bools(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  if (a.dtype() != DType::boolean) {
    fail<DTypeError>(op, ": a: expected bool, got ", a.dtype());
  }
  expect_same_dtype(op, a, b);
  return combine<bool, bool>(op, a, b, f);
}

// The gradient of one operand, before the sum over its repeats.
using Gradient = std::function<Tensor(const Tensor& d)>;

void record_operands(Tensor& out, std::string_view op, const Tensor& a, const Tensor& b,
                     Gradient to_a, Gradient to_b) {
  if (!autograd::should_record({&a, &b})) return;
  // What only an unwanted gradient would need is let go.
  if (!autograd::needs_grad(a)) to_a = nullptr;
  if (!autograd::needs_grad(b)) to_b = nullptr;
  autograd::record(out, op, {a, b},
                   [to_a = std::move(to_a), to_b = std::move(to_b), a_shape = a.shape(),
                    b_shape = b.shape()](const Tensor& d) {
                     return std::vector{to_a ? sum_to_shape(to_a(d), a_shape) : Tensor(),
                                        to_b ? sum_to_shape(to_b(d), b_shape) : Tensor()};
                   });
}

// The gradient of the operand that wins where `loses` is false: all of it, half where both are
// equal. It selects: what a loser's gradient would have been is never looked at.
Tensor winners_gradient(const Tensor& d, const Tensor& loses, const Tensor& ties) {
  return masked_fill(where(ties, multiply(d, 0.5), d), loses, 0);
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor out = combine_numbers("add", a, b, std::plus<>());
  record_operands(out, "add", a, b, std::identity(), std::identity());
  return out;
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  Tensor out = combine_numbers("subtract", a, b, std::minus<>());
  record_operands(out, "subtract", a, b, std::identity(),
                  [](const Tensor& d) { return negate(d); });
  return out;
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  Tensor out = combine_numbers("multiply", a, b, std::multiplies<>());
  const auto times = [](const Tensor& other) {
    return [other = autograd::detach(other)](const Tensor& d) { return multiply(d, other); };
  };
  record_operands(out, "multiply", a, b, times(b), times(a));
  return out;
}

Tensor divide(const Tensor& a, const Tensor& b) {
  if (!is_float(a.dtype())) {
    fail<DTypeError>("divide: a: expected f32 or f64 (cast integers first), got ", a.dtype());
  }
  Tensor out = combine_numbers("divide", a, b, std::divides<>());
  const Tensor over = autograd::detach(b);
  record_operands(
      out, "divide", a, b, [over](const Tensor& d) { return divide(d, over); },
      [over, a = autograd::detach(a)](const Tensor& d) {
        return negate(multiply(d, divide(divide(a, over), over)));
      });
  return out;
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  Tensor out = combine_numbers("maximum", a, b, Larger());
  const Tensor x = autograd::detach(a), y = autograd::detach(b);
  record_operands(
      out, "maximum", a, b,
      [x, y](const Tensor& d) { return winners_gradient(d, less(x, y), equal(x, y)); },
      [x, y](const Tensor& d) { return winners_gradient(d, less(y, x), equal(x, y)); });
  return out;
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  Tensor out = combine_numbers("minimum", a, b, Smaller());
  const Tensor x = autograd::detach(a), y = autograd::detach(b);
  record_operands(
      out, "minimum", a, b,
      [x, y](const Tensor& d) { return winners_gradient(d, less(y, x), equal(x, y)); },
      [x, y](const Tensor& d) { return winners_gradient(d, less(x, y), equal(x, y)); });
  return out;
}

Tensor negate(const Tensor& a) {
  expect_number("negate", a);
  return multiply(a, -1);
}
RaggedTensor negate(const RaggedTensor& a) { return a.with_values(negate(a.values())); }

Tensor equal(const Tensor& a, const Tensor& b) { return compare("equal", a, b, std::equal_to<>()); }
Tensor not_equal(const Tensor& a, const Tensor& b) {
  return compare("not_equal", a, b, std::not_equal_to<>());
}
Tensor less(const Tensor& a, const Tensor& b) { return compare("less", a, b, std::less<>()); }
Tensor less_equal(const Tensor& a, const Tensor& b) {
  return compare("less_equal", a, b, std::less_equal<>());
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return compare("greater", a, b, std::greater<>());
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return compare("greater_equal", a, b, std::greater_equal<>());
}

Tensor logical_and(const Tensor& a, const Tensor& b) {
  return combine_bools("logical_and", a, b, std::logical_and<>());
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  return combine_bools("logical_or", a, b, std::logical_or<>());
}
Tensor logical_not(const Tensor& a) {
  const bool no = false;
  return combine_bools("logical_not", a, Tensor::from_values<bool>(std::span(&no, 1), {}),
                       std::equal_to<>());
}
RaggedTensor logical_not(const RaggedTensor& a) { return a.with_values(logical_not(a.values())); }

namespace detail {

Tensor apply(const BinaryOp& op, const Tensor& a, double b) {
  return op.on_tensors(a, scalar_of(b, a.dtype(), nopad::concat(op.name, ": b")));
}
Tensor apply(const BinaryOp& op, double a, const Tensor& b) {
  return op.on_tensors(scalar_of(a, b.dtype(), nopad::concat(op.name, ": a")), b);
}
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, const RaggedTensor& b) {
  const auto [x, y] = token_operands(nopad::concat(op.name, ": b"), "a", a, b);
  return a.with_values(op.on_tensors(x, y));
}
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, const Tensor& b) {
  expect_token_operand(nopad::concat(op.name, ": b"), b, a);
  return a.with_values(op.on_tensors(a.values(), b));
}
RaggedTensor apply(const BinaryOp& op, const Tensor& a, const RaggedTensor& b) {
  expect_token_operand(nopad::concat(op.name, ": a"), a, b);
  return b.with_values(op.on_tensors(a, b.values()));
}
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, double b) {
  return a.with_values(apply(op, a.values(), b));
}
RaggedTensor apply(const BinaryOp& op, double a, const RaggedTensor& b) {
  return b.with_values(apply(op, a, b.values()));
}

}  // namespace detail
}  // namespace nopad::ops
