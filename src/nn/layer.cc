#include "nopad/nn/layer.h"

namespace nopad::nn {

DType dtype_of(Compute compute) noexcept {
  return compute == Compute::bf16 ? DType::bf16 : DType::f32;
}

std::string join(std::string_view prefix, std::string_view name) {
  std::string out(prefix);
  if (!out.empty()) out += '.';
  return out += name;
}

}  // namespace nopad::nn
