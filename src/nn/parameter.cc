#include "nopad/nn/parameter.h"

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"

namespace nopad::nn {

const Tensor& Parameter::operator*() const {
  if (!slot_->has_value) {
    fail<WeightError>(slot_->name,
                      ": expected a value, got none; the layer was not built or loaded");
  }
  return slot_->value;
}

void Parameter::initialize(const Shape& shape, const Initializer& initializer) const {
  if (!slot_->has_value) return set(make_initialized(initializer, shape, slot_->dtype));
  if (slot_->value.shape() != shape) {
    fail<WeightError>(slot_->name, ": expected ", shape, " for this input, got ",
                      slot_->value.shape());
  }
}

void Parameter::assign(const Tensor& value) const {
  if (slot_->has_value && slot_->value.shape() != value.shape()) {
    fail<WeightError>(slot_->name, ": expected ", slot_->value.shape(), ", got ", value.shape());
  }
  // A copy: training writes to it, and `value` may be a file's memory.
  const Tensor plain = autograd::detach(value);
  Tensor copy = plain.to(slot_->dtype);
  set(std::move(copy));
}

void Parameter::to(DType dtype) const {
  if (dtype != DType::f32 && dtype != DType::f64) {
    fail<DTypeError>(slot_->name, ": expected f32 or f64, got ", dtype);
  }
  if (slot_->dtype == dtype) return;
  slot_->dtype = dtype;
  if (slot_->has_value) set(autograd::detach(slot_->value).to(dtype));
}

void Parameter::set(Tensor value) const {
  if (slot_->is_trained) autograd::require_grad(value);
  slot_->value = std::move(value);
  slot_->has_value = true;
}

}  // namespace nopad::nn
