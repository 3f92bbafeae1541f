// Activation: the element-wise functions that a linear layer can end with.
#pragma once

#include <string_view>

namespace nopad {

// `gelu` is x/2 (1 + erf(x / sqrt 2)); `gelu_tanh` is its tanh form (gelu_new, gelu_pytorch_tanh);
// `quick_gelu` is x sigmoid(1.702 x); `silu` is x sigmoid(x) (swish); `gelu_10` is `gelu`, at most 10;
// `mish` is x tanh(log(1 + e^x)); `relu2` is relu(x)²; `relu6` is `relu`, at most 6; `hardswish` is
// x relu6(x + 3) / 6; `leaky_relu` is x, and 0.01 x below 0; `laplace` is the share of a normal
// distribution (mean 1/sqrt 2, deviation 0.282095) below x.
enum class Activation {
  none,
  gelu,
  gelu_tanh,
  quick_gelu,
  relu,
  silu,
  tanh,
  sigmoid,
  gelu_10,
  mish,
  relu2,
  relu6,
  hardswish,
  leaky_relu,
  laplace
};
inline constexpr int kNumActivations = static_cast<int>(Activation::laplace) + 1;

// "none", "gelu", ...
std::string_view to_string(Activation activation) noexcept;

}  // namespace nopad
