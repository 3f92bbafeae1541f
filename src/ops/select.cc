#include "nopad/ops/select.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/ops/rearrange.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/operands.h"

namespace nopad::ops {
namespace {

void expect_bool(std::string_view where, const Tensor& condition) {
  if (condition.dtype() != DType::boolean) {
    fail<DTypeError>(where, ": expected bool, got ", condition.dtype());
  }
}

// The unsigned integer of an element's size.
template <class T>
using BitsOf =
    std::conditional_t<sizeof(T) == 1, uint8_t,
                       std::conditional_t<sizeof(T) == 2, uint16_t,
                                          std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

// By bits: a branch, which compilers make of a plain choice, would be mispredicted half the time.
template <class T>
T chosen(bool takes_a, T a, T b) {
  using Bits = BitsOf<T>;
  const auto of_a = static_cast<Bits>(Bits{0} - static_cast<Bits>(takes_a));
  const auto of_b = static_cast<Bits>(~of_a);
  return std::bit_cast<T>(
      static_cast<Bits>((std::bit_cast<Bits>(a) & of_a) | (std::bit_cast<Bits>(b) & of_b)));
}

// A run of `count` elements; strides of 0 repeat an operand.
template <class T>
void choose_run(const bool* takes_a, const T* a, const T* b, const std::array<int64_t, 3>& strides,
                int64_t count, T* out) {
  const auto [step, a_step, b_step] = strides;
  if (step == 0) {
    const T* const from = *takes_a ? a : b;
    const int64_t from_step = *takes_a ? a_step : b_step;
    if (from_step == 0) {
      std::fill_n(out, count, *from);
    } else {
      std::copy_n(from, count, out);
    }
  } else if (a_step == 0) {
    const T one = *a;
    for (int64_t i = 0; i < count; ++i) out[i] = chosen(takes_a[i], one, b[i * b_step]);
  } else if (b_step == 0) {
    const T one = *b;
    for (int64_t i = 0; i < count; ++i) out[i] = chosen(takes_a[i], a[i], one);
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = chosen(takes_a[i], a[i], b[i]);
  }
}

// The operands have been checked; `shape` is what they broadcast to.
Tensor selected(const Tensor& condition, const Tensor& a, const Tensor& b, const Shape& shape) {
  Tensor out = Tensor::empty(shape, a.dtype());
  if (out.num_elements() == 0) return out;
  const auto walk = broadcast_walk<3>(shape, {condition.shape(), a.shape(), b.shape()});
  const bool* const takes_a = condition.values<bool>().data();
  dispatch(a.dtype(), [&]<class T>(T) {
    const T* const from_a = a.values<T>().data();
    const T* const from_b = b.values<T>().data();
    T* const to = out.mutable_values<T>().data();
    auto range = [&](int64_t begin, int64_t end) {
      walk.for_each_run(begin, end, [&](int64_t position, int64_t count, const auto& offsets) {
        choose_run(takes_a + offsets[0], from_a + offsets[1], from_b + offsets[2],
                   walk.inner_strides(), count, to + position);
      });
    };
    current_execution().threads().parallel_for(out.num_elements(), kElementsPerTask, range);
  });
  return out;
}

Tensor zero_like(const Tensor& x) { return Tensor::zeros({}, x.dtype()); }

// keep as [T, 1, ...], to select among values of so many axes.
Tensor keep_with_rank(const TokenMask& keep, int rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
  dims[0] = keep.layout().num_tokens();
  return keep.to_tensor().reshape(Shape(dims));
}

std::vector<int64_t> checked_indices(const Tensor& indices, int64_t num_rows) {
  if (indices.dtype() != DType::i32 && indices.dtype() != DType::i64) {
    fail<DTypeError>("gather_rows: indices: expected i32 or i64, got ", indices.dtype());
  }
  if (indices.rank() != 1) {
    fail<ShapeError>("gather_rows: indices: expected [M], got ", indices.shape());
  }
  const Tensor wide = indices.to(DType::i64);
  const auto values = wide.values<int64_t>();
  const auto bad = std::ranges::find_if(values, [&](int64_t i) { return i < 0 || i >= num_rows; });
  if (bad != values.end()) {
    fail<InputError>("gather_rows: indices: expected rows of x, which has ", num_rows, ", got ",
                     *bad, " at ", bad - values.begin());
  }
  return {values.begin(), values.end()};
}

// Columns are shared out among the threads and rows are not, so each sum has one order.
template <class T>
void add_rows(const T* d, std::span<const int64_t> indices, int64_t width, T* d_x) {
  constexpr int64_t kColumnsPerTask = 64;
  auto columns = [&](int64_t begin, int64_t end) {
    for (size_t row = 0; row < indices.size(); ++row) {
      const T* const from = d + static_cast<int64_t>(row) * width;
      T* const to = d_x + indices[row] * width;
      for (int64_t i = begin; i < end; ++i) to[i] += from[i];
    }
  };
  current_execution().threads().parallel_for(width, kColumnsPerTask, columns);
}

Tensor scatter_added(const Tensor& d, std::span<const int64_t> indices, const Shape& shape) {
  Tensor d_x = Tensor::zeros(shape, d.dtype());
  if (d.num_elements() == 0) return d_x;
  const int64_t width = d.num_elements() / d.dim(0);
  if (d.dtype() == DType::f64) {
    add_rows(d.values<double>().data(), indices, width, d_x.mutable_values<double>().data());
  } else {
    add_rows(d.values<float>().data(), indices, width, d_x.mutable_values<float>().data());
  }
  return d_x;
}

}  // namespace

Tensor masked_fill(const Tensor& x, const Tensor& fill_where, double value) {
  expect_bool("masked_fill: fill_where", fill_where);
  const Tensor fill = scalar_of(value, x.dtype(), "masked_fill: value");
  if (broadcast_shape("masked_fill", "fill_where", x.shape(), fill_where.shape()) != x.shape()) {
    fail<ShapeError>("masked_fill: fill_where: expected a shape that broadcasts to ", x.shape(),
                     ", got ", fill_where.shape());
  }
  Tensor out = selected(fill_where, fill, x, x.shape());
  if (autograd::should_record({&x})) {
    autograd::record(out, "masked_fill", {x}, [fill_where](const Tensor& d) {
      return std::vector{selected(fill_where, zero_like(d), d, d.shape())};
    });
  }
  return out;
}

RaggedTensor masked_fill(const RaggedTensor& x, const RaggedTensor& fill_where, double value) {
  const auto [values, condition] = token_operands("masked_fill: fill_where", "x", x, fill_where);
  return x.with_values(masked_fill(values, condition, value));
}

RaggedTensor masked_fill(const RaggedTensor& x, const TokenMask& keep, double value) {
  keep.expect_layout(x.layout(), "masked_fill", "x");
  return x.with_values(masked_fill(x.values(), keep_with_rank(~keep, x.values().rank()), value));
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  expect_bool("where: condition", condition);
  if (b.dtype() != a.dtype()) {
    fail<DTypeError>("where: b: expected ", a.dtype(), " as a, got ", b.dtype());
  }
  const Shape either = broadcast_shape("where", "b", a.shape(), b.shape());
  const Shape shape = broadcast_shape("where", "condition", either, condition.shape());
  Tensor out = selected(condition, a, b, shape);
  if (autograd::should_record({&a, &b})) {
    const bool needs_a = autograd::needs_grad(a), needs_b = autograd::needs_grad(b);
    autograd::record(
        out, "where", {a, b},
        [condition, needs_a, needs_b, a_shape = a.shape(), b_shape = b.shape()](const Tensor& d) {
          const Tensor zero = zero_like(d);
          const auto taken = [&](const Tensor& x, const Tensor& y) {
            return selected(condition, x, y, d.shape());
          };
          return std::vector{needs_a ? sum_to_shape(taken(d, zero), a_shape) : Tensor(),
                             needs_b ? sum_to_shape(taken(zero, d), b_shape) : Tensor()};
        });
  }
  return out;
}

RaggedTensor where(const RaggedTensor& condition, const RaggedTensor& a, const RaggedTensor& b) {
  expect_layout(condition.layout(), a.layout(), "where: condition", "a");
  const auto [x, y] = token_operands("where: b", "a", a, b);
  const auto [wide_x, holds] = token_operands("where", "a", a.with_values(x), condition);
  const auto [wide_y, unused] = token_operands("where", "b", b.with_values(y), condition);
  return a.with_values(where(holds, wide_x, wide_y));
}

RaggedTensor where(const TokenMask& keep, const RaggedTensor& a, const RaggedTensor& b) {
  keep.expect_layout(a.layout(), "where", "a");
  const auto [x, y] = token_operands("where: b", "a", a, b);
  return a.with_values(where(keep_with_rank(keep, x.rank()), x, y));
}

Tensor gather_rows(const Tensor& x, const Tensor& indices) {
  if (x.rank() == 0) fail<ShapeError>("gather_rows: x: expected [N, ...], got ", x.shape());
  const std::vector<int64_t> rows = checked_indices(indices, x.dim(0));
  Tensor out = Tensor::empty(with_dim(x.shape(), 0, std::ssize(rows)), x.dtype());
  if (out.num_elements() > 0) {
    const size_t row_bytes = out.num_bytes() / rows.size();
    std::byte* to = out.mutable_bytes();
    for (const int64_t row : rows) {
      to = std::copy_n(x.bytes() + static_cast<size_t>(row) * row_bytes, row_bytes, to);
    }
  }
  if (autograd::should_record({&x})) {
    autograd::record(out, "gather_rows", {x}, [rows, shape = x.shape()](const Tensor& d) {
      return std::vector{scatter_added(d, rows, shape)};
    });
  }
  return out;
}

}  // namespace nopad::ops
