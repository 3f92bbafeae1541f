#include "kernels/elementwise.h"

#include <array>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

HWY_INLINE auto is_negative(FloatVec x) { return hn::Lt(x, hn::Zero(kFloat)); }
HWY_INLINE auto is_positive(FloatVec x) { return hn::Gt(x, hn::Zero(kFloat)); }

// Highway's is right for positive, finite numbers.
HWY_INLINE FloatVec log(FloatVec x) {
  const FloatVec infinity = constant(__builtin_huge_valf());
  const auto is_plain = hn::And(is_positive(x), hn::Lt(x, infinity));
  // Infinity and NaN are their own logarithms; 0 has -inf, and what is below none.
  const FloatVec zero_or_less =
      hn::IfThenElse(is_negative(x), constant(__builtin_nanf("")), hn::Neg(infinity));
  const FloatVec other = hn::IfThenElse(hn::Le(x, hn::Zero(kFloat)), zero_or_less, x);
  return hn::IfThenElse(is_plain, hn::Log(kFloat, x), other);
}

HWY_INLINE FloatVec softplus(FloatVec x) {
  const FloatVec above = hn::IfThenZeroElse(is_negative(x), x);
  return hn::Add(above, hn::Log1p(kFloat, exp(hn::Neg(hn::Abs(x)))));
}

// e^x - 1 for x <= 0, by 2t / (1 - t) with t = tanh(x / 2), which loses nothing near 0.
HWY_INLINE FloatVec exp_minus_1(FloatVec x) {
  const FloatVec t = tanh(hn::Mul(x, constant(0.5f)));
  return hn::Div(hn::Add(t, t), hn::Sub(constant(1.0f), t));
}

template <Function kFunction>
HWY_INLINE FloatVec evaluate(FloatVec x, FloatVec parameter) {
  if constexpr (kFunction == Function::exp) {
    return exp(x);
  } else if constexpr (kFunction == Function::log) {
    return log(x);
  } else if constexpr (kFunction == Function::sqrt) {
    return hn::Sqrt(x);
  } else if constexpr (kFunction == Function::square) {
    return hn::Mul(x, x);
  } else if constexpr (kFunction == Function::abs) {
    return hn::Abs(x);
  } else if constexpr (kFunction == Function::gelu) {
    return activate<Activation::gelu>(x);
  } else if constexpr (kFunction == Function::gelu_tanh) {
    return activate<Activation::gelu_tanh>(x);
  } else if constexpr (kFunction == Function::quick_gelu) {
    return activate<Activation::quick_gelu>(x);
  } else if constexpr (kFunction == Function::relu) {
    return activate<Activation::relu>(x);
  } else if constexpr (kFunction == Function::silu) {
    return activate<Activation::silu>(x);
  } else if constexpr (kFunction == Function::tanh) {
    return activate<Activation::tanh>(x);
  } else if constexpr (kFunction == Function::sigmoid) {
    return activate<Activation::sigmoid>(x);
  } else if constexpr (kFunction == Function::softplus) {
    return softplus(x);
  } else if constexpr (kFunction == Function::leaky_relu) {
    return hn::IfThenElse(is_negative(x), hn::Mul(x, parameter), x);
  } else if constexpr (kFunction == Function::elu) {
    return hn::IfThenElse(is_negative(x), hn::Mul(parameter, exp_minus_1(x)), x);
  } else if constexpr (kFunction == Function::gelu_10) {
    return activate<Activation::gelu_10>(x);
  } else if constexpr (kFunction == Function::mish) {
    return activate<Activation::mish>(x);
  } else if constexpr (kFunction == Function::relu2) {
    return activate<Activation::relu2>(x);
  } else if constexpr (kFunction == Function::relu6) {
    return activate<Activation::relu6>(x);
  } else if constexpr (kFunction == Function::hardswish) {
    return activate<Activation::hardswish>(x);
  } else {
    static_assert(kFunction == Function::laplace);
    return activate<Activation::laplace>(x);
  }
}

HWY_INLINE FloatVec gelu_slope(FloatVec x) {
  const FloatVec half = constant(0.5f);
  const FloatVec below = hn::MulAdd(erf(hn::Mul(x, constant(0.70710678f))), half, half);
  const FloatVec density =
      hn::Mul(exp(hn::Mul(hn::Mul(x, x), constant(-0.5f))), constant(0.39894228f));
  return hn::MulAdd(x, density, below);
}

HWY_INLINE FloatVec gelu_tanh_slope(FloatVec x) {
  constexpr float kScale = 0.79788456f;
  const FloatVec square = hn::Mul(x, x), one = constant(1.0f), half = constant(0.5f);
  const FloatVec inner = hn::Mul(hn::MulAdd(square, constant(0.044715f), one), x);
  const FloatVec t = tanh(hn::Mul(inner, constant(kScale)));
  const FloatVec inner_slope =
      hn::MulAdd(square, constant(3 * 0.044715f * kScale), constant(kScale));
  const FloatVec bell = hn::Mul(hn::Mul(x, half), hn::NegMulAdd(t, t, one));
  return hn::MulAdd(bell, inner_slope, hn::MulAdd(t, half, half));
}

// Of x sigmoid(scale x).
HWY_INLINE FloatVec swish_slope(FloatVec x, float scale) {
  const FloatVec z = hn::Mul(x, constant(scale));
  const FloatVec s = sigmoid(z);
  return hn::MulAdd(hn::Mul(z, s), hn::Sub(constant(1.0f), s), s);
}

// With t = n / (n + 2) as in mish_gate, (1 - t²) sigmoid(x) is 4 e (1 + e) / (n + 2)².
HWY_INLINE FloatVec mish_slope(FloatVec x) {
  const FloatVec one = constant(1.0f), two = constant(2.0f);
  const FloatVec e = exp(hn::Min(constant(20.0f), x));
  const FloatVec n = hn::Mul(e, hn::Add(e, two)), below = hn::Add(n, two);
  const FloatVec bell = hn::Div(hn::Div(hn::Mul(e, hn::Add(e, one)), below), below);
  return hn::MulAdd(hn::Mul(x, constant(4.0f)), bell, hn::Div(n, below));
}

HWY_INLINE FloatVec hardswish_slope(FloatVec x) {
  const FloatVec three = constant(3.0f), one = constant(1.0f);
  const FloatVec inside = hn::MulAdd(x, constant(1.0f / 3), constant(0.5f));
  const FloatVec above = hn::IfThenElse(hn::Ge(x, three), one, inside);
  return hn::IfThenZeroElse(hn::Le(x, hn::Neg(three)), above);
}

HWY_INLINE FloatVec laplace_slope(FloatVec x) {
  const FloatVec z = laplace_argument(x);
  return hn::Mul(exp(hn::Neg(hn::Mul(z, z))), constant(1.4142179f));
}

template <Function kFunction>
HWY_INLINE FloatVec differentiate(FloatVec saved, FloatVec d, FloatVec parameter) {
  const FloatVec one = constant(1.0f);
  if constexpr (kFunction == Function::exp) {
    return hn::Mul(d, saved);
  } else if constexpr (kFunction == Function::log) {
    return hn::Div(d, saved);
  } else if constexpr (kFunction == Function::sqrt) {
    return hn::Div(d, hn::Add(saved, saved));
  } else if constexpr (kFunction == Function::square) {
    return hn::Mul(d, hn::Add(saved, saved));
  } else if constexpr (kFunction == Function::abs) {
    const FloatVec not_above = hn::IfThenElse(is_negative(saved), hn::Neg(d), hn::Mul(d, saved));
    return hn::IfThenElse(is_positive(saved), d, not_above);
  } else if constexpr (kFunction == Function::gelu) {
    return hn::Mul(d, gelu_slope(saved));
  } else if constexpr (kFunction == Function::gelu_tanh) {
    return hn::Mul(d, gelu_tanh_slope(saved));
  } else if constexpr (kFunction == Function::quick_gelu) {
    return hn::Mul(d, swish_slope(saved, 1.702f));
  } else if constexpr (kFunction == Function::relu) {
    return hn::IfThenZeroElse(hn::Le(saved, hn::Zero(kFloat)), d);
  } else if constexpr (kFunction == Function::silu) {
    return hn::Mul(d, swish_slope(saved, 1.0f));
  } else if constexpr (kFunction == Function::tanh) {
    return hn::Mul(d, hn::NegMulAdd(saved, saved, one));
  } else if constexpr (kFunction == Function::sigmoid) {
    return hn::Mul(d, hn::Mul(saved, hn::Sub(one, saved)));
  } else if constexpr (kFunction == Function::softplus) {
    return hn::Mul(d, sigmoid(saved));
  } else if constexpr (kFunction == Function::leaky_relu) {
    return hn::IfThenElse(is_positive(saved), d, hn::Mul(d, parameter));
  } else if constexpr (kFunction == Function::elu) {
    const FloatVec slope = hn::Mul(parameter, exp(saved));
    return hn::IfThenElse(is_positive(saved), d, hn::Mul(d, slope));
  } else if constexpr (kFunction == Function::gelu_10) {
    const auto is_clipped = hn::Gt(gelu(saved), constant(10.0f));
    return hn::IfThenZeroElse(is_clipped, hn::Mul(d, gelu_slope(saved)));
  } else if constexpr (kFunction == Function::mish) {
    return hn::Mul(d, mish_slope(saved));
  } else if constexpr (kFunction == Function::relu2) {
    return hn::Mul(d, hn::Mul(constant(2.0f), relu(saved)));
  } else if constexpr (kFunction == Function::relu6) {
    const auto is_flat = hn::Or(hn::Le(saved, hn::Zero(kFloat)), hn::Ge(saved, constant(6.0f)));
    return hn::IfThenZeroElse(is_flat, d);
  } else if constexpr (kFunction == Function::hardswish) {
    return hn::Mul(d, hardswish_slope(saved));
  } else {
    static_assert(kFunction == Function::laplace);
    return hn::Mul(d, laplace_slope(saved));
  }
}

using Evaluate = void (*)(float parameter, const float* x, float* y, int64_t count);
using Differentiate = void (*)(float parameter, const float* saved, const float* d_y, float* d_x,
                               int64_t count);

template <Function kFunction>
void evaluate_all(float parameter, const float* x, float* y, int64_t count) {
  const FloatVec p = constant(parameter);
  for (int64_t i = 0; i < count; i += kLanes) {
    store(evaluate<kFunction>(load(x + i, count - i), p), y + i, count - i);
  }
}

template <Function kFunction>
void differentiate_all(float parameter, const float* saved, const float* d_y, float* d_x,
                       int64_t count) {
  const FloatVec p = constant(parameter);
  for (int64_t i = 0; i < count; i += kLanes) {
    const FloatVec d = load(d_y + i, count - i);
    store(differentiate<kFunction>(load(saved + i, count - i), d, p), d_x + i, count - i);
  }
}

// One loop for each function, in the order of the enum.
template <int... kFunctions>
constexpr std::array<Evaluate, kNumFunctions> evaluate_table(
    std::integer_sequence<int, kFunctions...>) {
  return {evaluate_all<static_cast<Function>(kFunctions)>...};
}
template <int... kFunctions>
constexpr std::array<Differentiate, kNumFunctions> differentiate_table(
    std::integer_sequence<int, kFunctions...>) {
  return {differentiate_all<static_cast<Function>(kFunctions)>...};
}
constexpr std::make_integer_sequence<int, kNumFunctions> kEachFunction{};
constexpr auto kEvaluate = evaluate_table(kEachFunction);
constexpr auto kDifferentiate = differentiate_table(kEachFunction);

void evaluate_run(FunctionRun run, const float* x, float* y, int64_t count) noexcept {
  kEvaluate[static_cast<size_t>(run.function)](run.parameter, x, y, count);
}
void differentiate_run(FunctionRun run, const float* saved, const float* d_y, float* d_x,
                       int64_t count) noexcept {
  kDifferentiate[static_cast<size_t>(run.function)](run.parameter, saved, d_y, d_x, count);
}

}  // namespace

constexpr ElementwiseF32 kElementwiseF32{evaluate_run, differentiate_run};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const ElementwiseF32& elementwise_f32(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kElementwiseF32);
}

}  // namespace nopad::kernels
#endif
