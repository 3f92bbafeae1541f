#include "nn/recorded_border.h"

#include "nopad/autograd/record.h"
#include "nopad/ragged/padded.h"

namespace nopad::nn {

RaggedTensor take_tokens(const Tensor& padded, const Tensor& keep) {
  RaggedTensor taken = from_padded(autograd::detach(padded), keep);
  if (!autograd::should_record({&padded})) return taken;
  Tensor values = taken.values();
  autograd::record(values, "take_tokens", {padded}, [layout = taken.layout()](const Tensor& d_out) {
    return std::vector{to_padded({d_out, layout})};
  });
  return taken.with_values(std::move(values));
}

Tensor lay_out(const RaggedTensor& x, double fill) {
  Tensor padded = to_padded(x.with_values(autograd::detach(x.values())), {.fill = fill});
  if (!autograd::should_record({&x.values()})) return padded;
  autograd::record(padded, "lay_out", {x.values()}, [layout = x.layout()](const Tensor& d_out) {
    return std::vector{from_padded(d_out, layout.keep()).values()};
  });
  return padded;
}

}  // namespace nopad::nn
