// Arithmetic, comparisons and logic, element by element, between tensors, ragged tensors and
// numbers.
#pragma once

#include <string_view>
#include <type_traits>

#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// A number as an operand: a double, or what turns into one.
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
// What may stand on either side of an op. The result is ragged when one of the two is.
template <class T>
concept Operand = std::is_same_v<T, Tensor> || std::is_same_v<T, RaggedTensor> || Number<T>;
// Any two operands but two tensors, for which the functions themselves stand, and two numbers.
template <class A, class B>
concept MixedOperands = Operand<A> && Operand<B> &&
    !(Number<A> && Number<B>)&&!(std::is_same_v<A, Tensor> && std::is_same_v<B, Tensor>);

// Each of these is also there for MixedOperands, e.g. add(ragged, ragged) and add(tensor, 2).
// a, b   : f32, f64, i32 or i64, both the same; divide: f32 or f64. Shapes broadcast as in NumPy.
// return : the shape that they broadcast to, their dtype. Integers wrap.
// Mask   : passes through (position-wise). Two ragged operands have one layout. Beside a ragged
//          operand a plain tensor broadcasts against one token's values, [...] of [T, ...]; one of
//          the full rank is refused, because it says nothing of whose its rows are.
// Edge   : maximum and minimum give NaN where either is NaN
// Throws : ShapeError; DTypeError; LayoutError, two layouts; OptionError, a number that the tensor's
//          integer dtype does not hold
// Grad   : a and b; where they are equal, maximum and minimum give half to each, as PyTorch
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);

// Comparisons, for the same operands.
// return : bool
// Edge   : a NaN is unequal to everything, and neither less nor greater
// Grad   : none
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);

// a, b   : bool; shapes broadcast
// Throws : ShapeError; DTypeError; LayoutError
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& a);
RaggedTensor logical_not(const RaggedTensor& a);

// a : f32, f64, i32 or i64
// Grad : a
Tensor negate(const Tensor& a);
RaggedTensor negate(const RaggedTensor& a);

namespace detail {

// An op on tensors, and the name that its messages have.
struct BinaryOp {
  std::string_view name;
  Tensor (*on_tensors)(const Tensor& a, const Tensor& b);
};

Tensor apply(const BinaryOp& op, const Tensor& a, double b);
Tensor apply(const BinaryOp& op, double a, const Tensor& b);
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, const RaggedTensor& b);
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, const Tensor& b);
RaggedTensor apply(const BinaryOp& op, const Tensor& a, const RaggedTensor& b);
RaggedTensor apply(const BinaryOp& op, const RaggedTensor& a, double b);
RaggedTensor apply(const BinaryOp& op, double a, const RaggedTensor& b);

template <Operand T>
decltype(auto) operand(const T& value) {
  if constexpr (Number<T>) {
    return static_cast<double>(value);
  } else {
    return (value);
  }
}
template <class A, class B>
auto apply_mixed(const BinaryOp& op, const A& a, const B& b) {
  return apply(op, operand(a), operand(b));
}

}  // namespace detail

template <class A, class B>
requires MixedOperands<A, B>
auto add(const A& a, const B& b) { return detail::apply_mixed({"add", &add}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto subtract(const A& a, const B& b) { return detail::apply_mixed({"subtract", &subtract}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto multiply(const A& a, const B& b) { return detail::apply_mixed({"multiply", &multiply}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto divide(const A& a, const B& b) { return detail::apply_mixed({"divide", &divide}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto maximum(const A& a, const B& b) { return detail::apply_mixed({"maximum", &maximum}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto minimum(const A& a, const B& b) { return detail::apply_mixed({"minimum", &minimum}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto equal(const A& a, const B& b) { return detail::apply_mixed({"equal", &equal}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto not_equal(const A& a, const B& b) {
  return detail::apply_mixed({"not_equal", &not_equal}, a, b);
}
template <class A, class B>
requires MixedOperands<A, B>
auto less(const A& a, const B& b) { return detail::apply_mixed({"less", &less}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto less_equal(const A& a, const B& b) {
  return detail::apply_mixed({"less_equal", &less_equal}, a, b);
}
template <class A, class B>
requires MixedOperands<A, B>
auto greater(const A& a, const B& b) { return detail::apply_mixed({"greater", &greater}, a, b); }
template <class A, class B>
requires MixedOperands<A, B>
auto greater_equal(const A& a, const B& b) {
  return detail::apply_mixed({"greater_equal", &greater_equal}, a, b);
}
template <class A, class B>
requires MixedOperands<A, B>
auto logical_and(const A& a, const B& b) {
  return detail::apply({"logical_and", &logical_and}, a, b);
}
template <class A, class B>
requires MixedOperands<A, B>
auto logical_or(const A& a, const B& b) { return detail::apply({"logical_or", &logical_or}, a, b); }

}  // namespace nopad::ops
