#include "nopad/ops/gate.h"

#include <vector>

#include "kernels/gate.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/rearrange.h"
#include "ops/row_tasks.h"

namespace nopad::ops {
namespace {

template <class T>
Tensor gate(const Tensor& x, Activation activation) {
  const auto dims = x.shape().dims();
  std::vector<int64_t> half(dims.begin(), dims.end());
  const int64_t width = half.back() /= 2;
  Tensor out = Tensor::empty(Shape(half), x.dtype());
  if (out.num_elements() == 0) return out;
  const auto kernel = kernels::gate_rows<T>(current_execution().isa());
  const T* const from = x.values<T>().data();
  T* const to = out.mutable_values<T>().data();
  for_row_tasks(out.num_elements() / width, width, [&](int64_t begin, int64_t end) {
    kernel(activation, from + begin * 2 * width, to + begin * width, width, end - begin);
  });
  return out;
}

}  // namespace

Tensor gated(const Tensor& x, Activation activation) {
  if (x.rank() == 0 || x.dim(-1) % 2 != 0) {
    fail<ShapeError>("gated: x: expected [..., 2 F], got ", x.shape());
  }
  if (x.dtype() == DType::bf16) {
    autograd::expect_no_grad("gated", {&x});
    return gate<BFloat16>(x, activation);
  }
  if (x.dtype() == DType::f32 && !autograd::should_record({&x})) {
    return gate<float>(x, activation);
  }
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64) {
    fail<DTypeError>("gated: x: expected f32, f64 or bf16, got ", x.dtype());
  }
  // With a gradient, by the ops that it is made of: the same bits.
  const std::vector<Tensor> halves = split(x, 2, -1);
  return multiply(activate(halves[0], activation), halves[1]);
}

RaggedTensor gated(const RaggedTensor& x, Activation activation) {
  return x.with_values(gated(x.values(), activation));
}

}  // namespace nopad::ops
