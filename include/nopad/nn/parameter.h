// Parameter: a weight of a layer, shared by the layer's copies.
#pragma once

#include <memory>
#include <string>

#include "nopad/core/tensor.h"
#include "nopad/nn/initializer.h"

namespace nopad::nn {

// A handle to a tensor that comes to be when the layer is built or loaded. Copies are the same
// parameter. A trained one is a leaf of autograd; a buffer (running statistics) is not.
class Parameter {
 public:
  // Throws WeightError: the layer has not been built yet.
  const Tensor& operator*() const;
  const Tensor* operator->() const { return &**this; }

  const std::string& name() const noexcept { return slot_->name; }
  bool is_trained() const noexcept { return slot_->is_trained; }
  bool has_value() const noexcept { return slot_->has_value; }

  // Makes the tensor, unless there is one already (a loaded one), whose shape it then checks.
  // Throws WeightError: the value that is there has another shape.
  void initialize(const Shape& shape, const Initializer& initializer) const;
  // Sets the value, in the layer's dtype. Throws WeightError: it has a value of another shape.
  void assign(const Tensor& value) const;
  // Converts the value that is there, and what is initialized later.
  // dtype : f32 or f64
  void to(DType dtype) const;

 private:
  friend class Layer;
  struct Slot {
    std::string name;
    bool is_trained = true;
    bool has_value = false;
    DType dtype = DType::f32;
    Tensor value = {};
  };
  Parameter(std::string name, bool is_trained)
      : slot_(std::make_shared<Slot>(Slot{std::move(name), is_trained})) {}
  void set(Tensor value) const;

  std::shared_ptr<Slot> slot_;
};

}  // namespace nopad::nn
