// The operators + - * / between tensors, ragged tensors and numbers.
#pragma once

#include "nopad/ops/arithmetic.h"

namespace nopad {

// x + y is ops::add(x, y), and so on; the result is ragged when an operand is. See
// nopad/ops/arithmetic.h for what broadcasts and what is refused.
template <class A, class B>
concept TensorOperands = ops::Operand<A> && ops::Operand<B> && !(ops::Number<A> && ops::Number<B>);

template <class A, class B>
requires TensorOperands<A, B>
auto operator+(const A& a, const B& b) { return ops::add(a, b); }
template <class A, class B>
requires TensorOperands<A, B>
auto operator-(const A& a, const B& b) { return ops::subtract(a, b); }
template <class A, class B>
requires TensorOperands<A, B>
auto operator*(const A& a, const B& b) { return ops::multiply(a, b); }
template <class A, class B>
requires TensorOperands<A, B>
auto operator/(const A& a, const B& b) { return ops::divide(a, b); }
inline Tensor operator-(const Tensor& a) { return ops::negate(a); }
inline RaggedTensor operator-(const RaggedTensor& a) { return ops::negate(a); }

}  // namespace nopad
