#include "nopad/core/weight_source.h"

#include "nopad/core/error.h"

namespace nopad {

std::string WeightSource::stored_dtype(std::string_view name) const {
  shape(name);  // throws where there is no such tensor
  return "F32";
}

Tensor load_weight(const WeightSource& source, std::string_view name, const Shape& expected) {
  const Shape stored = source.shape(name);
  if (stored != expected) {
    fail<WeightError>(source.description(), ": ", name, ": expected ", expected, ", got ", stored);
  }
  return source.load(name);
}

}  // namespace nopad
