#include "nopad/core/shape.h"

#include <algorithm>

#include "nopad/core/error.h"

namespace nopad {

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) {
  if (dims.size() > kMaxRank) {
    fail<ShapeError>("Shape: rank: expected at most ", kMaxRank, ", got ", dims.size());
  }
  rank_ = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), dims_.begin());
  bool overflow = false;
  for (const int64_t dim : dims) {
    if (dim < 0) fail<ShapeError>("Shape: dimension: expected 0 or more, got ", dim);
    overflow |= __builtin_mul_overflow(num_elements_, dim, &num_elements_);
  }
  // A zero anywhere makes the product zero, whatever the others overflowed to.
  if (std::ranges::find(dims, 0) != dims.end()) {
    num_elements_ = 0;
  } else if (overflow) {
    fail<ShapeError>("Shape: ", *this, ": expected a product that fits in 63 bits");
  }
}

int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  if (index < 0 || index >= rank_) {
    fail<ShapeError>("Shape: axis: expected one of ", *this, ", got ", axis);
  }
  return dims_[static_cast<size_t>(index)];
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (const int64_t dim : shape.dims()) {
    if (out.size() > 1) out += ", ";
    out += std::to_string(dim);
  }
  return out + "]";
}

}  // namespace nopad
