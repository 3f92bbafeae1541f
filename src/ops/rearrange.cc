#include "nopad/ops/rearrange.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/strided_copy.h"

namespace nopad::ops {
namespace {

template <class T>
std::string list_of(std::span<const T> numbers) {
  std::string out = "[";
  for (const T number : numbers) {
    if (out.size() > 1) out += ", ";
    out += std::to_string(number);
  }
  return out + "]";
}

// The shape that `dims` ask of the elements of `from`, -1 being what the others leave.
Shape resolved(std::span<const int64_t> dims, const Shape& from) {
  const auto refuse = [&] {
    fail<ShapeError>("reshape: dims: expected ", from.num_elements(), " elements as in ", from,
                     " and at most one -1, got ", list_of(dims));
  };
  std::vector<int64_t> known(dims.begin(), dims.end());
  const auto unknown = std::ranges::find(known, -1);
  if (unknown != known.end()) *unknown = 1;
  if (std::ranges::any_of(known, [](int64_t dim) { return dim < 0; })) refuse();
  const int64_t others = Shape(known).num_elements();
  if (unknown != known.end() && others > 0) *unknown = from.num_elements() / others;
  if (Shape(known).num_elements() != from.num_elements()) refuse();
  // Beside an axis of size 0, -1 could be anything.
  if (unknown != known.end() && others == 0) refuse();
  return Shape(known);
}

Tensor reshaped(const Tensor& x, const Shape& shape, std::string_view op) {
  Tensor out = autograd::detach(x).reshape(shape);
  if (autograd::should_record({&x})) {
    autograd::record(out, op, {x},
                     [from = x.shape()](const Tensor& d) { return std::vector{d.reshape(from)}; });
  }
  return out;
}

void expect_permutation(std::span<const int> axes, int rank) {
  std::vector<int> sorted(axes.begin(), axes.end());
  std::ranges::sort(sorted);
  for (int axis = 0; axis < std::max(rank, static_cast<int>(sorted.size())); ++axis) {
    if (std::ssize(sorted) != rank || sorted[static_cast<size_t>(axis)] != axis) {
      fail<ShapeError>("transpose: axes: expected each of 0 to ", rank - 1, " once, got ",
                       list_of(axes));
    }
  }
}

void expect_alike(std::string_view op, std::span<const Tensor> tensors) {
  if (tensors.empty()) fail<ShapeError>(op, ": tensors: expected at least one, got none");
  for (size_t i = 1; i < tensors.size(); ++i) {
    if (tensors[i].dtype() != tensors[0].dtype()) {
      fail<DTypeError>(op, ": tensors: expected ", tensors[0].dtype(), " as the first, got ",
                       tensors[i].dtype(), " at ", i);
    }
  }
}

// The size of the axis that tensors, which agree in all others, have together.
int64_t joined_dim(std::span<const Tensor> tensors, int axis) {
  const Shape& first = tensors[0].shape();
  int64_t sum = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Shape& shape = tensors[i].shape();
    if (shape.rank() != first.rank() || with_dim(shape, axis, first[axis]) != first) {
      fail<ShapeError>("concat: tensors: expected ", first, " but for axis ", axis, ", got ", shape,
                       " at ", i);
    }
    if (__builtin_add_overflow(sum, shape[axis], &sum)) {
      fail<ShapeError>("concat: tensors: expected sizes along axis ", axis,
                       " whose sum fits in 63 bits");
    }
  }
  return sum;
}

void expect_sizes(std::span<const int64_t> sizes, int64_t dim) {
  int64_t left = dim;
  bool fits = true;
  for (const int64_t size : sizes) {
    fits = fits && size >= 0 && size <= left;
    if (fits) left -= size;
  }
  if (!fits || left != 0) {
    fail<ShapeError>("split: sizes: expected a sum of ", dim, ", got ", list_of(sizes));
  }
}

Shape tiled_shape(const Shape& shape, std::span<const int64_t> repeats) {
  bool fits = std::ssize(repeats) == shape.rank();
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  for (size_t axis = 0; axis < dims.size() && fits; ++axis) {
    fits = repeats[axis] >= 0 && !__builtin_mul_overflow(dims[axis], repeats[axis], &dims[axis]);
  }
  if (!fits) {
    fail<ShapeError>("tile: repeats: expected one number of 0 or more for each axis of ", shape,
                     ", got ", list_of(repeats));
  }
  return Shape(dims);
}

Tensor tiled(const Tensor& x, std::span<const int64_t> repeats, const Shape& shape) {
  Tensor out = Tensor::empty(shape, x.dtype());
  if (out.num_elements() == 0) return out;
  const Strides from = contiguous_strides(x.shape()), to = contiguous_strides(shape);
  StridedWalk<2> walk;
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    const int64_t dim = x.shape().dims()[axis];
    walk.add_axis(repeats[axis], {0, dim * to[axis]});
    walk.add_axis(dim, {from[axis], to[axis]});
  }
  copy_elements(walk, x, 0, out, 0);
  return out;
}

Tensor sum_of_tiles(const Tensor& d, std::span<const int64_t> repeats, const Shape& shape) {
  if (d.num_elements() == 0) return Tensor::zeros(shape, d.dtype());
  const Strides strides = contiguous_strides(d.shape());
  AxisSum axes;
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    const int64_t dim = shape.dims()[axis];
    axes.summed.add_axis(repeats[axis], {dim * strides[axis]});
    axes.kept.add_axis(dim, {strides[axis]});
  }
  return sum_axes(d, axes, shape);
}

}  // namespace

Tensor reshape(const Tensor& x, std::span<const int64_t> dims) {
  return reshaped(x, resolved(dims, x.shape()), "reshape");
}
Tensor reshape(const Tensor& x, std::initializer_list<int64_t> dims) {
  return reshape(x, std::span(dims.begin(), dims.size()));
}
Tensor reshape(const Tensor& x, const Shape& shape) { return reshape(x, shape.dims()); }

RaggedTensor reshape(const RaggedTensor& x, std::span<const int64_t> token_dims) {
  const auto dims = x.values().shape().dims();
  const Shape token = resolved(token_dims, Shape(dims.subspan(1)));
  std::vector<int64_t> all{dims[0]};
  all.insert(all.end(), token.dims().begin(), token.dims().end());
  return x.with_values(reshaped(x.values(), Shape(all), "reshape"));
}
RaggedTensor reshape(const RaggedTensor& x, std::initializer_list<int64_t> token_dims) {
  return reshape(x, std::span(token_dims.begin(), token_dims.size()));
}

Tensor expand_dims(const Tensor& x, int axis) {
  const int at = checked_axis("expand_dims: axis", axis, x.rank() + 1);
  std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
  dims.insert(dims.begin() + at, 1);
  return reshaped(x, Shape(dims), "expand_dims");
}

Tensor squeeze(const Tensor& x, int axis) {
  const int at = checked_axis("squeeze: axis", axis, x.rank());
  if (x.dim(at) != 1) {
    fail<ShapeError>("squeeze: x: expected size 1 along axis ", at, ", got ", x.shape());
  }
  std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().end());
  dims.erase(dims.begin() + at);
  return reshaped(x, Shape(dims), "squeeze");
}

Tensor transpose(const Tensor& x, std::span<const int> axes) {
  std::vector<int> order(axes.begin(), axes.end());
  for (int& axis : order) axis += axis < 0 ? x.rank() : 0;
  expect_permutation(order, x.rank());
  const Strides strides = contiguous_strides(x.shape());
  std::vector<int64_t> dims;
  std::vector<int> inverse(order.size());
  Strides permuted{};
  for (size_t i = 0; i < order.size(); ++i) {
    dims.push_back(x.dim(order[i]));
    permuted[i] = strides[static_cast<size_t>(order[i])];
    inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
  }
  Tensor out = Tensor::empty(Shape(dims), x.dtype());
  if (out.num_elements() > 0) {
    copy_elements(copy_walk(out.shape(), permuted, contiguous_strides(out.shape())), x, 0, out, 0);
  }
  if (autograd::should_record({&x})) {
    autograd::record(out, "transpose", {x},
                     [inverse](const Tensor& d) { return std::vector{transpose(d, inverse)}; });
  }
  return out;
}
Tensor transpose(const Tensor& x, std::initializer_list<int> axes) {
  return transpose(x, std::span(axes.begin(), axes.size()));
}

Tensor swap_axes(const Tensor& x, int a, int b) {
  std::vector<int> order(static_cast<size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(checked_axis("swap_axes: a", a, x.rank()))],
            order[static_cast<size_t>(checked_axis("swap_axes: b", b, x.rank()))]);
  return transpose(x, order);
}

Tensor concat(std::span<const Tensor> tensors, int axis) {
  expect_alike("concat", tensors);
  const int at = checked_axis("concat: axis", axis, tensors[0].rank());
  const int64_t dim = joined_dim(tensors, at);
  Tensor out = Tensor::empty(with_dim(tensors[0].shape(), at, dim), tensors[0].dtype());
  std::vector<int64_t> begins{0};
  std::vector<bool> is_needed;
  for (const Tensor& tensor : tensors) {
    paste(tensor, at, begins.back(), out);
    begins.push_back(begins.back() + tensor.dim(at));
    is_needed.push_back(autograd::needs_grad(tensor));
  }
  if (autograd::should_record(tensors)) {
    autograd::record(out, "concat", tensors, [at, begins, is_needed](const Tensor& d) {
      std::vector<Tensor> parts(is_needed.size());
      for (size_t i = 0; i < parts.size(); ++i) {
        if (is_needed[i]) parts[i] = cut(d, at, begins[i], begins[i + 1]);
      }
      return parts;
    });
  }
  return out;
}
Tensor concat(std::initializer_list<Tensor> tensors, int axis) {
  return concat(std::span(tensors.begin(), tensors.size()), axis);
}
// Without this one, the concat of strings would be found for a vector of tensors.
Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  return concat(std::span<const Tensor>(tensors), axis);
}

Tensor stack(std::span<const Tensor> tensors, int axis) {
  expect_alike("stack", tensors);
  std::vector<Tensor> rows;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].shape() != tensors[0].shape()) {
      fail<ShapeError>("stack: tensors: expected ", tensors[0].shape(), " as the first, got ",
                       tensors[i].shape(), " at ", i);
    }
    rows.push_back(
        expand_dims(tensors[i], checked_axis("stack: axis", axis, tensors[0].rank() + 1)));
  }
  return concat(rows, axis);
}
Tensor stack(std::initializer_list<Tensor> tensors, int axis) {
  return stack(std::span(tensors.begin(), tensors.size()), axis);
}

std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int axis) {
  const int at = checked_axis("split: axis", axis, x.rank());
  expect_sizes(sizes, x.dim(at));
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    parts.push_back(cut(x, at, begin, begin + size));
    begin += size;
  }
  if (autograd::should_record({&x})) {
    autograd::record_all(parts, "split", std::span(&x, 1),
                         [at](std::span<const Tensor> d) { return std::vector{concat(d, at)}; });
  }
  return parts;
}
std::vector<Tensor> split(const Tensor& x, std::initializer_list<int64_t> sizes, int axis) {
  return split(x, std::span(sizes.begin(), sizes.size()), axis);
}
std::vector<Tensor> split(const Tensor& x, int64_t num_parts, int axis) {
  const int64_t dim = x.dim(checked_axis("split: axis", axis, x.rank()));
  if (num_parts < 1 || dim % num_parts != 0) {
    fail<ShapeError>("split: num_parts: expected a divisor of ", dim, ", got ", num_parts);
  }
  return split(x, std::vector(static_cast<size_t>(num_parts), dim / num_parts), axis);
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  const int at = checked_axis("slice: axis", axis, x.rank());
  if (begin < 0 || begin > end || end > x.dim(at)) {
    fail<ShapeError>("slice: range: expected a part of [0, ", x.dim(at), ") along axis ", at,
                     ", got [", begin, ", ", end, ")");
  }
  Tensor out = cut(x, at, begin, end);
  if (autograd::should_record({&x})) {
    autograd::record(out, "slice", {x}, [at, begin, shape = x.shape()](const Tensor& d) {
      Tensor d_x = Tensor::zeros(shape, d.dtype());
      paste(d, at, begin, d_x);
      return std::vector{d_x};
    });
  }
  return out;
}

Tensor tile(const Tensor& x, std::span<const int64_t> repeats) {
  Tensor out = tiled(x, repeats, tiled_shape(x.shape(), repeats));
  if (autograd::should_record({&x})) {
    autograd::record(out, "tile", {x},
                     [shape = x.shape(), repeats = std::vector(repeats.begin(), repeats.end())](
                         const Tensor& d) { return std::vector{sum_of_tiles(d, repeats, shape)}; });
  }
  return out;
}
Tensor tile(const Tensor& x, std::initializer_list<int64_t> repeats) {
  return tile(x, std::span(repeats.begin(), repeats.size()));
}

Tensor cast(const Tensor& x, DType dtype) {
  if (dtype == x.dtype()) return x;
  Tensor out = autograd::detach(x).to(dtype);
  // A bf16 result records too: an op that can't go on from it must say so, not lose the gradient.
  const bool is_float = dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16;
  if (is_float && autograd::should_record({&x})) {
    autograd::record(out, "cast", {x},
                     [from = x.dtype()](const Tensor& d) { return std::vector{d.to(from)}; });
  }
  return out;
}
RaggedTensor cast(const RaggedTensor& x, DType dtype) {
  return x.with_values(cast(x.values(), dtype));
}

}  // namespace nopad::ops
