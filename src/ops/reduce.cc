#include "nopad/ops/reduce.h"

#include <string_view>
#include <vector>

#include "nopad/autograd/record.h"
#include "ops/axes.h"
#include "ops/reduction.h"

namespace nopad::ops {
namespace {

Shape without_axis(const Shape& shape, int axis) {
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims.erase(dims.begin() + axis);
  return Shape(std::span<const int64_t>(dims));
}

// ---- over tokens

Reduction over_tokens(std::string_view op, const RaggedTensor& x) {
  const Shape row = without_axis(x.values().shape(), 0);
  std::vector<int64_t> dims = {x.layout().num_sequences()};
  dims.insert(dims.end(), row.dims().begin(), row.dims().end());
  return {op,
          {.layout = x.layout(), .width = row.num_elements()},
          Shape(std::span<const int64_t>(dims))};
}

Reduction over_tokens(std::string_view op, const RaggedTensor& x, const TokenMask& keep) {
  keep.expect_layout(x.layout(), op, "x");
  Reduction out = over_tokens(op, x);
  out.groups.keep = keep.to_tensor();
  return out;
}

// Rows of a flat batch become the columns of the padded one.
Tensor columns_of(const Tensor& rows, const RowGroups& groups) {
  Tensor out = Tensor::empty(rows.shape(), DType::i64);
  const auto from = rows.values<int64_t>();
  const auto to = out.mutable_values<int64_t>();
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t sequence = static_cast<int64_t>(i) / groups.width;
    const int64_t index = from[i] - groups.layout.offset(sequence);
    to[i] = from[i] < 0 ? -1 : groups.layout.column(sequence, index);
  }
  return out;
}

TokenExtremum extremum(const Reduction& r, const RaggedTensor& x, Pick pick) {
  const PickedRows picked = reduce_pick(r, x.values(), pick, Wanted::values_and_rows);
  return {picked.values, columns_of(picked.rows, r.groups)};
}

// ---- over an axis

Reduction over_all(std::string_view op, const Tensor& x) {
  const std::vector<int64_t> length = {x.num_elements()};
  return {op, {.layout = RaggedLayout::from_lengths(length)}, {}};
}

// As many groups as there are slices before the axis, each of as many rows as it is long.
Reduction over_axis(std::string_view op, const Tensor& x, int axis) {
  const int at = checked_axis(concat(op, ": axis"), axis, x.rank());
  const AxisView view = around_axis(x.shape(), at);
  const std::vector<int64_t> lengths(static_cast<size_t>(view.outer), view.dim);
  return {op,
          {.layout = RaggedLayout::from_lengths(lengths), .width = view.inner},
          without_axis(x.shape(), at)};
}

Tensor index_of(const Reduction& r, const Tensor& x, Pick pick) {
  Tensor out = reduce_pick(r, autograd::detach(x), pick, Wanted::values_and_rows).rows;
  const auto rows = out.mutable_values<int64_t>();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= 0) rows[i] -= r.groups.layout.offset(static_cast<int64_t>(i) / r.groups.width);
  }
  return out;
}

}  // namespace

Tensor sum_over_tokens(const RaggedTensor& x) {
  return reduce_sum(over_tokens("sum_over_tokens", x), x.values(), RowWeights::sum);
}
Tensor sum_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  return reduce_sum(over_tokens("sum_over_tokens", x, keep), x.values(), RowWeights::sum);
}

Tensor mean_over_tokens(const RaggedTensor& x) {
  return reduce_sum(over_tokens("mean_over_tokens", x), x.values(), RowWeights::mean);
}
Tensor mean_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  return reduce_sum(over_tokens("mean_over_tokens", x, keep), x.values(), RowWeights::mean);
}

Tensor max_over_tokens(const RaggedTensor& x) {
  return reduce_pick(over_tokens("max_over_tokens", x), x.values(), Pick::largest, Wanted::values)
      .values;
}
Tensor max_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  const Reduction r = over_tokens("max_over_tokens", x, keep);
  return reduce_pick(r, x.values(), Pick::largest, Wanted::values).values;
}

Tensor min_over_tokens(const RaggedTensor& x) {
  const Reduction r = over_tokens("min_over_tokens", x);
  return reduce_pick(r, x.values(), Pick::smallest, Wanted::values).values;
}
Tensor min_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  const Reduction r = over_tokens("min_over_tokens", x, keep);
  return reduce_pick(r, x.values(), Pick::smallest, Wanted::values).values;
}

Tensor first_token(const RaggedTensor& x) {
  return reduce_pick(over_tokens("first_token", x), x.values(), Pick::first, Wanted::values).values;
}
Tensor first_token(const RaggedTensor& x, const TokenMask& keep) {
  return reduce_pick(over_tokens("first_token", x, keep), x.values(), Pick::first, Wanted::values)
      .values;
}

Tensor last_token(const RaggedTensor& x) {
  return reduce_pick(over_tokens("last_token", x), x.values(), Pick::last, Wanted::values).values;
}
Tensor last_token(const RaggedTensor& x, const TokenMask& keep) {
  return reduce_pick(over_tokens("last_token", x, keep), x.values(), Pick::last, Wanted::values)
      .values;
}

TokenExtremum argmax_over_tokens(const RaggedTensor& x) {
  return extremum(over_tokens("argmax_over_tokens", x), x, Pick::largest);
}
TokenExtremum argmax_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  return extremum(over_tokens("argmax_over_tokens", x, keep), x, Pick::largest);
}

TokenExtremum argmin_over_tokens(const RaggedTensor& x) {
  return extremum(over_tokens("argmin_over_tokens", x), x, Pick::smallest);
}
TokenExtremum argmin_over_tokens(const RaggedTensor& x, const TokenMask& keep) {
  return extremum(over_tokens("argmin_over_tokens", x, keep), x, Pick::smallest);
}

Tensor sum(const Tensor& x) { return reduce_sum(over_all("sum", x), x, RowWeights::sum); }
Tensor mean(const Tensor& x) { return reduce_sum(over_all("mean", x), x, RowWeights::mean); }

Tensor sum(const Tensor& x, int axis) {
  return reduce_sum(over_axis("sum", x, axis), x, RowWeights::sum);
}
Tensor mean(const Tensor& x, int axis) {
  return reduce_sum(over_axis("mean", x, axis), x, RowWeights::mean);
}
Tensor max(const Tensor& x, int axis) {
  return reduce_pick(over_axis("max", x, axis), x, Pick::largest, Wanted::values).values;
}
Tensor min(const Tensor& x, int axis) {
  return reduce_pick(over_axis("min", x, axis), x, Pick::smallest, Wanted::values).values;
}
Tensor argmax(const Tensor& x, int axis) {
  return index_of(over_axis("argmax", x, axis), x, Pick::largest);
}
Tensor argmin(const Tensor& x, int axis) {
  return index_of(over_axis("argmin", x, axis), x, Pick::smallest);
}

}  // namespace nopad::ops
