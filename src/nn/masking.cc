#include "nopad/nn/masking.h"

#include <algorithm>

#include "nn/recorded_border.h"
#include "nopad/core/error.h"
#include "nopad/ops/tokens.h"

namespace nopad::nn {
namespace {

template <class T>
void mark_steps(std::span<const T> values, T padding, std::span<bool> keep) {
  const size_t width = keep.empty() ? 0 : values.size() / keep.size();
  for (size_t i = 0; i < keep.size(); ++i) {
    const auto step = values.subspan(i * width, width);
    keep[i] = width == 0 || !std::ranges::all_of(step, [&](T value) { return value == padding; });
  }
}

// Which steps are tokens.
// shape : of the result, the leading axes of x
Tensor tokens_of(const Tensor& x, const Shape& shape, double mask_value) {
  Tensor keep = Tensor::empty(shape, DType::boolean);
  const std::span<bool> marks = keep.mutable_values<bool>();
  switch (x.dtype()) {
    case DType::f32: mark_steps(x.values<float>(), static_cast<float>(mask_value), marks); break;
    case DType::f64: mark_steps(x.values<double>(), mask_value, marks); break;
    default: fail<DTypeError>("Masking: x: expected f32 or f64, got ", x.dtype());
  }
  return keep;
}

}  // namespace

RaggedTensor Masking::call(const Tensor& padded) const {
  if (padded.rank() < 3) {
    fail<ShapeError>("Masking: x: expected [B, L, ...], got ", padded.shape());
  }
  return take_tokens(padded, tokens_of(padded, {padded.dim(0), padded.dim(1)}, config_.mask_value));
}

RaggedTensor Masking::call(const RaggedTensor& x) const {
  const Tensor keep = tokens_of(x.values(), {x.layout().num_tokens()}, config_.mask_value);
  return ops::drop_tokens(x, TokenMask::from_tensor(x.layout(), keep));
}

void Masking::visit_config(ConfigVisitor& visitor) {
  visitor.field("mask_value", config_.mask_value);
}

}  // namespace nopad::nn
