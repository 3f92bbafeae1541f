// Functions of one variable over arrays, and their gradients.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

// The activations are those of core/activation.h.
// leaky_relu : x, or parameter * x below 0
// elu        : x, or parameter * (e^x - 1) below 0
// softplus   : log(1 + e^x)
enum class Function {
  exp,
  log,
  sqrt,
  square,
  abs,
  gelu,
  gelu_tanh,
  quick_gelu,
  relu,
  silu,
  tanh,
  sigmoid,
  softplus,
  leaky_relu,
  elu,
  gelu_10,
  mish,
  relu2,
  relu6,
  hardswish,
  laplace
};
inline constexpr int kNumFunctions = static_cast<int>(Function::laplace) + 1;

// What a gradient is computed from: the function's argument, or its value where that is enough.
enum class Saved { argument, value };
constexpr Saved saved_by(Function function) noexcept {
  switch (function) {
    case Function::exp:
    case Function::sqrt:
    case Function::relu:
    case Function::tanh:
    case Function::sigmoid: return Saved::value;
    default: return Saved::argument;
  }
}

// The slope that leaky_relu has below 0 as an activation.
inline constexpr double kLeakySlope = 0.01;
// The scale of the normal distribution that laplace counts, and its mean, as transformers writes them.
inline constexpr double kLaplaceMean = 0.707107;
inline constexpr double kLaplaceDeviation = 0.282095;

// `activation` is not `none`.
constexpr Function function_of(Activation activation) noexcept {
  switch (activation) {
    case Activation::none: break;
    case Activation::gelu: return Function::gelu;
    case Activation::gelu_tanh: return Function::gelu_tanh;
    case Activation::quick_gelu: return Function::quick_gelu;
    case Activation::relu: return Function::relu;
    case Activation::silu: return Function::silu;
    case Activation::tanh: return Function::tanh;
    case Activation::sigmoid: return Function::sigmoid;
    case Activation::gelu_10: return Function::gelu_10;
    case Activation::mish: return Function::mish;
    case Activation::relu2: return Function::relu2;
    case Activation::relu6: return Function::relu6;
    case Activation::hardswish: return Function::hardswish;
    case Activation::leaky_relu: return Function::leaky_relu;
    case Activation::laplace: return Function::laplace;
  }
  return Function::abs;
}

struct FunctionRun {
  Function function = Function::exp;
  float parameter = 0;
};

// One instruction set's version. An element's bits depend on nothing but the element: those at the
// end of an array take the same instructions as all others. The activations are those of a
// product's epilogue (gemm.h), bit for bit.
struct ElementwiseF32 {
  // y[i] = f(x[i]); y may be x.
  void (*evaluate)(FunctionRun run, const float* x, float* y, int64_t count) noexcept;
  // d_x[i] = d_y[i] f'(x[i]); saved: the x, or the y, as saved_by() says.
  void (*differentiate)(FunctionRun run, const float* saved, const float* d_y, float* d_x,
                        int64_t count) noexcept;
};
const ElementwiseF32& elementwise_f32(Isa isa) noexcept;

namespace ref {
// The specification, in double.
double evaluate(Function function, double parameter, double x) noexcept;
double differentiate(Function function, double parameter, double saved, double d_y) noexcept;
}  // namespace ref

}  // namespace nopad::kernels
