// Functions of one variable over arrays, and their gradients.
#pragma once

#include <cstdint>

#include "nopad/core/activation.h"
#include "nopad/core/isa.h"

namespace nopad::kernels {

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
  elu
};
inline constexpr int kNumFunctions = static_cast<int>(Function::elu) + 1;

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
