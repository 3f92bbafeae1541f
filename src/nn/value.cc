#include "nopad/nn/value.h"

#include "nopad/core/error.h"

namespace nopad::nn {

const Tensor& Value::dense(std::string_view who) const {
  if (const auto* tensor = std::get_if<Tensor>(&content_)) return *tensor;
  const RaggedTensor& got = std::get<RaggedTensor>(content_);
  fail<LayoutError>(who, ": input: expected a dense tensor, got ", got.values().shape(),
                    " over the layout ", got.layout(),
                    ", which would be lost; pool the tokens first, or end the mask on purpose "
                    "with DropMask");
}

const RaggedTensor& Value::ragged(std::string_view who) const {
  if (const auto* tensor = std::get_if<RaggedTensor>(&content_)) return *tensor;
  fail<LayoutError>(who, ": input: expected tokens and their layout, got the dense ",
                    std::get<Tensor>(content_).shape(),
                    "; take its padding out first: Embedding, Masking or from_padded");
}

const Tensor& Value::values() const noexcept {
  if (const auto* tensor = std::get_if<Tensor>(&content_)) return *tensor;
  return std::get_if<RaggedTensor>(&content_)->values();
}

Spec Spec::of(const Value& value) {
  const auto dims = value.values().shape().dims();
  if (dims.empty()) fail<ShapeError>("Spec: value: expected a first axis of rows, got a scalar");
  return {value.is_ragged(), {dims.begin() + 1, dims.end()}, value.values().dtype(), 0};
}

int64_t Spec::dim(int axis, std::string_view who) const {
  const int rank = static_cast<int>(row.size());
  const int at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank || row[static_cast<size_t>(at)] == kAny) {
    fail<ShapeError>(who, ": input: expected a known size of axis ", axis, " of each row, got ",
                     *this);
  }
  return row[static_cast<size_t>(at)];
}

std::string to_string(const Spec& spec) {
  std::string out = spec.is_ragged ? "[T" : "[B";
  for (const int64_t dim : spec.row) out += dim == kAny ? std::string(", ?") : concat(", ", dim);
  return concat(out, "] ", spec.dtype);
}

}  // namespace nopad::nn
