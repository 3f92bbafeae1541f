#include "nopad/nn/reshape.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

// The shape of one row of x. The batch's size plays no part: it may be 0.
Shape row_of(const Tensor& x) { return Shape(x.shape().dims().subspan(1)); }

Tensor reshape_rows(const Tensor& x, std::vector<int64_t> dims) {
  dims.insert(dims.begin(), x.dim(0));
  return ops::reshape(x, Shape(dims));
}

}  // namespace

Tensor Flatten::call(const Tensor& x) const { return reshape_rows(x, {row_of(x).num_elements()}); }

Tensor Reshape::call(const Tensor& x) const {
  const Shape row = row_of(x);
  std::vector<int64_t> dims = config_.shape;
  const auto open = std::ranges::find(dims, -1);
  if (open != dims.end()) {
    *open = 1;
    const int64_t rest = Shape(dims).num_elements();
    *open = rest == 0 ? 0 : row.num_elements() / rest;
  }
  if (Shape(dims).num_elements() != row.num_elements()) {
    fail<ShapeError>("Reshape: input: expected rows that fit ", Shape(dims), ", got ", row);
  }
  return reshape_rows(x, std::move(dims));
}

void Reshape::visit_config(ConfigVisitor& visitor) { visitor.field("shape", config_.shape); }

}  // namespace nopad::nn
