// WeightSource: where a layer's weights come from, by name, whatever the file they lie in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad {

// A named collection of tensors: a checkpoint, a test's random weights, another model.
// It is the only thing that layers and models know of files.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual bool contains(std::string_view name) const = 0;
  // Every name, sorted.
  virtual std::vector<std::string> names() const = 0;
  // The stored shape. Throws WeightError: no tensor of that name.
  virtual Shape shape(std::string_view name) const = 0;
  // The element type that it is stored in, as safetensors spells it: "F32", "BF16", "I64", ...
  // "F32" unless the source knows better. Throws WeightError: no tensor of that name.
  virtual std::string stored_dtype(std::string_view name) const;
  // The tensor as f32, whatever floating dtype it is stored in. Stored f32 may come as a read-only
  // view of the file.
  // Throws WeightError: no tensor of that name, or an element type that is not a float.
  virtual Tensor load(std::string_view name) const = 0;
  // What messages call this source, e.g. the path of its file.
  virtual std::string description() const = 0;
};

// load() with the shape checked.
// Throws WeightError: missing, or "model.safetensors: x.weight: expected [2, 3], got [3, 2]".
Tensor load_weight(const WeightSource& source, std::string_view name, const Shape& expected);

}  // namespace nopad
