// The dispatch of ops that are differentiable: over f32 and f64.
#pragma once

#include <string_view>

#include "nopad/core/error.h"
#include "nopad/core/tensor.h"

namespace nopad::ops {

// Calls f(T{}) with the operand's element type and returns what it returns.
// Throws DTypeError: neither f32 nor f64: "softmax: x: expected f32 or f64, got i32".
template <class F>
decltype(auto) dispatch_float(std::string_view op, std::string_view operand, const Tensor& tensor,
                              F&& f) {
  if (tensor.dtype() == DType::f32) return f(float{});
  if (tensor.dtype() == DType::f64) return f(double{});
  fail<DTypeError>(op, ": ", operand, ": expected f32 or f64, got ", tensor.dtype());
}

}  // namespace nopad::ops
