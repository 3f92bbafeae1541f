#include "nopad/ragged/tensor.h"

#include "nopad/core/error.h"

namespace nopad {

RaggedTensor::RaggedTensor(Tensor values, RaggedLayout layout)
    : values_(std::move(values)), layout_(std::move(layout)) {
  if (values_.rank() == 0 || values_.dim(0) != layout_.num_tokens()) {
    fail<LayoutError>("RaggedTensor: values: expected a row for each token of ", layout_, ", got ",
                      values_.shape());
  }
}

Tensor RaggedTensor::sequence(int64_t index) const {
  if (index < 0 || index >= layout_.num_sequences()) {
    fail<ShapeError>("RaggedTensor: sequence: expected one of ", layout_.num_sequences(), ", got ",
                     index);
  }
  return values_.rows(layout_.offset(index), layout_.offset(index + 1));
}

}  // namespace nopad
