#include "kernels/elementwise.h"

#include <cmath>
#include <numbers>

namespace nopad::kernels::ref {
namespace {

constexpr double kTanhScale = 0.79788456080286535588;  // sqrt(2 / pi)
constexpr double kTanhCubic = 0.044715;
constexpr double kQuickScale = 1.702;
constexpr double kLaplaceScale = kLaplaceDeviation * std::numbers::sqrt2;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double gelu(double x) { return x / 2 * (1 + std::erf(x / std::numbers::sqrt2)); }
double relu(double x) { return x < 0 ? 0 : x; }
double relu6(double x) { return x > 6 ? 6 : relu(x); }

double gelu_slope(double x) {
  const double density = std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return (1 + std::erf(x / std::numbers::sqrt2)) / 2 + x * density;
}

double gelu_tanh_slope(double x) {
  const double t = std::tanh(kTanhScale * (x + kTanhCubic * x * x * x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * kTanhScale * (1 + 3 * kTanhCubic * x * x);
}

// Of x sigmoid(scale x).
double swish_slope(double x, double scale) {
  const double s = sigmoid(scale * x);
  return s + scale * x * s * (1 - s);
}

// tanh(log(1 + e^x))
double mish_gate(double x) { return std::tanh(relu(x) + std::log1p(std::exp(-std::abs(x)))); }

double hardswish_slope(double x) { return x <= -3 ? 0 : (x < 3 ? x / 3 + 0.5 : 1); }

double laplace_slope(double x) {
  const double z = (x - kLaplaceMean) / kLaplaceScale;
  return std::exp(-z * z) * std::numbers::inv_sqrtpi / kLaplaceScale;
}

}  // namespace

double evaluate(Function function, double parameter, double x) noexcept {
  switch (function) {
    case Function::exp: return std::exp(x);
    case Function::log: return std::log(x);
    case Function::sqrt: return std::sqrt(x);
    case Function::square: return x * x;
    case Function::abs: return std::abs(x);
    case Function::gelu: return gelu(x);
    case Function::gelu_tanh:
      return x / 2 * (1 + std::tanh(kTanhScale * (x + kTanhCubic * x * x * x)));
    case Function::quick_gelu: return x * sigmoid(kQuickScale * x);
    case Function::relu: return relu(x);
    case Function::silu: return x * sigmoid(x);
    case Function::tanh: return std::tanh(x);
    case Function::sigmoid: return sigmoid(x);
    case Function::softplus: return relu(x) + std::log1p(std::exp(-std::abs(x)));
    case Function::leaky_relu: return x < 0 ? parameter * x : x;
    case Function::elu: return x < 0 ? parameter * std::expm1(x) : x;
    case Function::gelu_10: return gelu(x) > 10 ? 10 : gelu(x);
    case Function::mish: return x * mish_gate(x);
    case Function::relu2: return relu(x) * relu(x);
    case Function::relu6: return relu6(x);
    case Function::hardswish: return x * relu6(x + 3) / 6;
    case Function::laplace: return (1 + std::erf((x - kLaplaceMean) / kLaplaceScale)) / 2;
  }
  return x;
}

double differentiate(Function function, double parameter, double saved, double d_y) noexcept {
  switch (function) {
    case Function::exp: return d_y * saved;
    case Function::log: return d_y / saved;
    case Function::sqrt: return d_y / (2 * saved);
    case Function::square: return d_y * 2 * saved;
    case Function::abs: return saved > 0 ? d_y : (saved < 0 ? -d_y : d_y * saved);
    case Function::gelu: return d_y * gelu_slope(saved);
    case Function::gelu_tanh: return d_y * gelu_tanh_slope(saved);
    case Function::quick_gelu: return d_y * swish_slope(saved, kQuickScale);
    case Function::relu: return saved <= 0 ? 0 : d_y;
    case Function::silu: return d_y * swish_slope(saved, 1);
    case Function::tanh: return d_y * (1 - saved * saved);
    case Function::sigmoid: return d_y * saved * (1 - saved);
    case Function::softplus: return d_y * sigmoid(saved);
    case Function::leaky_relu: return saved > 0 ? d_y : d_y * parameter;
    case Function::elu: return saved > 0 ? d_y : d_y * parameter * std::exp(saved);
    case Function::gelu_10: return gelu(saved) > 10 ? 0 : d_y * gelu_slope(saved);
    case Function::mish: {
      const double t = mish_gate(saved);
      return d_y * (t + saved * (1 - t * t) * sigmoid(saved));
    }
    case Function::relu2: return d_y * 2 * relu(saved);
    case Function::relu6: return saved <= 0 || saved >= 6 ? 0 : d_y;
    case Function::hardswish: return d_y * hardswish_slope(saved);
    case Function::laplace: return d_y * laplace_slope(saved);
  }
  return d_y;
}

}  // namespace nopad::kernels::ref
