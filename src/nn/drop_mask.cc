#include "nopad/nn/drop_mask.h"

#include "nn/recorded_border.h"

namespace nopad::nn {

std::vector<Value> DropMask::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), 1);
  std::vector<Value> out;
  out.emplace_back(lay_out(inputs[0].ragged("DropMask"), config_.fill));
  return out;
}

void DropMask::visit_config(ConfigVisitor& visitor) { visitor.field("fill", config_.fill); }

}  // namespace nopad::nn
