// Vector forms of exp, erf and the activations, for inclusion once per target. NaN stays NaN.
#if defined(NOPAD_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NOPAD_KERNELS_SIMD_MATH_INL_H_
#undef NOPAD_KERNELS_SIMD_MATH_INL_H_
#else
#define NOPAD_KERNELS_SIMD_MATH_INL_H_
#endif

#include "hwy/highway.h"
#include "nopad/core/activation.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
inline constexpr FloatTag kFloat;
inline constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(kFloat));

HWY_INLINE FloatVec constant(float value) { return hn::Set(kFloat, value); }

// max(low, min(high, x)) lets a NaN through: x86's min and max return their second operand then.
HWY_INLINE FloatVec clamp(float low, FloatVec x, float high) {
  return hn::Max(constant(low), hn::Min(constant(high), x));
}

// e^x, relative error below 2^-22; exactly 0 below -87.3, so that no denormal ever arises.
// x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a least-maximum polynomial of degree 6.
HWY_INLINE FloatVec exp(FloatVec x) {
  const FloatVec bounded = clamp(-88.0f, x, 88.3f);
  const FloatVec n = hn::Round(hn::Mul(bounded, constant(1.44269504f)));
  FloatVec r = hn::NegMulAdd(n, constant(0.693145752f), bounded);
  r = hn::NegMulAdd(n, constant(1.42860677e-6f), r);
  FloatVec p = constant(0.0013814599f);
  p = hn::MulAdd(p, r, constant(0.0083687175f));
  p = hn::MulAdd(p, r, constant(0.04166839f));
  p = hn::MulAdd(p, r, constant(0.16666521f));
  p = hn::MulAdd(p, r, constant(0.49999994f));
  p = hn::MulAdd(hn::Mul(p, r), r, hn::Add(r, constant(1.0f)));
  const hn::RebindToSigned<FloatTag> int_tag;
  const auto exponent = hn::ShiftLeft<23>(hn::ConvertTo(int_tag, n));
  const FloatVec scaled = hn::BitCast(kFloat, hn::Add(hn::BitCast(int_tag, p), exponent));
  const FloatVec finite = hn::IfThenZeroElse(hn::Lt(x, constant(-87.3f)), scaled);
  const FloatVec large =
      hn::IfThenElse(hn::Gt(x, constant(88.3f)), constant(__builtin_huge_valf()), finite);
  return hn::IfThenElse(hn::Eq(x, x), large, x);
}

// erf(x) = x P(x²) / Q(x²) for |x| <= 3.92, where it rounds to 1; absolute error below 4e-7.
// The coefficients minimise the largest relative error.
HWY_INLINE FloatVec erf(FloatVec x) {
  const FloatVec z = clamp(-3.92f, x, 3.92f);
  const FloatVec t = hn::Mul(z, z);
  FloatVec p = constant(1.992438e-08f);
  p = hn::MulAdd(p, t, constant(-1.957841e-06f));
  p = hn::MulAdd(p, t, constant(0.00014185005f));
  p = hn::MulAdd(p, t, constant(0.0037015786f));
  p = hn::MulAdd(p, t, constant(0.050573222f));
  p = hn::MulAdd(p, t, constant(0.19992366f));
  p = hn::MulAdd(p, t, constant(1.1283791f));
  FloatVec q = constant(0.00095603266f);
  q = hn::MulAdd(q, t, constant(0.014353137f));
  q = hn::MulAdd(q, t, constant(0.114998065f));
  q = hn::MulAdd(q, t, constant(0.5105094f));
  q = hn::MulAdd(q, t, constant(1.0f));
  return clamp(-1.0f, hn::Div(hn::Mul(z, p), q), 1.0f);
}

HWY_INLINE FloatVec sigmoid(FloatVec x) {
  return hn::Div(constant(1.0f), hn::Add(constant(1.0f), exp(hn::Neg(x))));
}

// By exp where that loses nothing, near 0 by its series: x - x³/3 + 2x⁵/15 - 17x⁷/315.
HWY_INLINE FloatVec tanh(FloatVec x) {
  const FloatVec e = exp(hn::Add(x, x));
  const FloatVec far = hn::Sub(constant(1.0f), hn::Div(constant(2.0f), hn::Add(e, constant(1.0f))));
  const FloatVec t = hn::Mul(x, x);
  FloatVec near = hn::MulAdd(t, constant(-0.05396825f), constant(0.13333333f));
  near = hn::MulAdd(near, t, constant(-0.33333333f));
  near = hn::MulAdd(hn::Mul(near, t), x, x);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), constant(0.1f)), near, far);
}

HWY_INLINE FloatVec gelu(FloatVec x) {
  const FloatVec half = hn::Mul(x, constant(0.5f));
  return hn::MulAdd(half, erf(hn::Mul(x, constant(0.70710678f))), half);
}

HWY_INLINE FloatVec relu(FloatVec x) { return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(kFloat)), x); }

// tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); it rounds to 1 long before x = 20.
HWY_INLINE FloatVec mish_gate(FloatVec x) {
  const FloatVec two = constant(2.0f), e = exp(hn::Min(constant(20.0f), x));
  const FloatVec n = hn::Mul(e, hn::Add(e, two));
  return hn::Div(n, hn::Add(n, two));
}

// (x - mean) / (deviation sqrt 2)
HWY_INLINE FloatVec laplace_argument(FloatVec x) {
  return hn::Mul(hn::Sub(x, constant(0.707107f)), constant(2.5066297f));
}

template <Activation kActivation>
HWY_INLINE FloatVec activate(FloatVec x) {
  if constexpr (kActivation == Activation::gelu) {
    return gelu(x);
  } else if constexpr (kActivation == Activation::gelu_tanh) {
    const FloatVec half = hn::Mul(x, constant(0.5f));
    const FloatVec inner = hn::MulAdd(hn::Mul(hn::Mul(x, x), x), constant(0.044715f), x);
    return hn::MulAdd(half, tanh(hn::Mul(inner, constant(0.79788456f))), half);
  } else if constexpr (kActivation == Activation::quick_gelu) {
    return hn::Mul(x, sigmoid(hn::Mul(x, constant(1.702f))));
  } else if constexpr (kActivation == Activation::relu) {
    return relu(x);
  } else if constexpr (kActivation == Activation::silu) {
    return hn::Mul(x, sigmoid(x));
  } else if constexpr (kActivation == Activation::tanh) {
    return tanh(x);
  } else if constexpr (kActivation == Activation::sigmoid) {
    return sigmoid(x);
  } else if constexpr (kActivation == Activation::gelu_10) {
    const FloatVec most = constant(10.0f), y = gelu(x);
    return hn::IfThenElse(hn::Gt(y, most), most, y);
  } else if constexpr (kActivation == Activation::mish) {
    return hn::Mul(x, mish_gate(x));
  } else if constexpr (kActivation == Activation::relu2) {
    return hn::Mul(relu(x), relu(x));
  } else if constexpr (kActivation == Activation::relu6) {
    const FloatVec most = constant(6.0f);
    return hn::IfThenElse(hn::Gt(x, most), most, relu(x));
  } else if constexpr (kActivation == Activation::hardswish) {
    const FloatVec gate = clamp(0.0f, hn::Add(x, constant(3.0f)), 6.0f);
    return hn::Mul(hn::Mul(x, gate), constant(1.0f / 6));
  } else if constexpr (kActivation == Activation::leaky_relu) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(kFloat)), hn::Mul(x, constant(0.01f)), x);
  } else if constexpr (kActivation == Activation::laplace) {
    const FloatVec half = constant(0.5f), y = hn::MulAdd(half, erf(laplace_argument(x)), half);
    return hn::IfThenElse(hn::Eq(x, x), y, x);
  } else {
    return x;
  }
}

// Calls f(std::integral_constant<Activation, a>{}), so that a loop is compiled once per activation.
template <class F>
HWY_INLINE void with_activation(Activation activation, F&& f) {
  switch (activation) {
#define NOPAD_CASE(name) \
  case Activation::name: f(std::integral_constant<Activation, Activation::name>{}); return
    NOPAD_CASE(none);
    NOPAD_CASE(gelu);
    NOPAD_CASE(gelu_tanh);
    NOPAD_CASE(quick_gelu);
    NOPAD_CASE(relu);
    NOPAD_CASE(silu);
    NOPAD_CASE(tanh);
    NOPAD_CASE(sigmoid);
    NOPAD_CASE(gelu_10);
    NOPAD_CASE(mish);
    NOPAD_CASE(relu2);
    NOPAD_CASE(relu6);
    NOPAD_CASE(hardswish);
    NOPAD_CASE(leaky_relu);
    NOPAD_CASE(laplace);
#undef NOPAD_CASE
  }
}

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NOPAD_KERNELS_SIMD_MATH_INL_H_
