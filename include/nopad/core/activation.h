// Activation: the element-wise functions that a linear layer can end with.
#pragma once

#include <string_view>

namespace nopad {

// `gelu` is x/2 (1 + erf(x / sqrt 2)); `gelu_tanh` is its tanh form (gelu_new, gelu_pytorch_tanh);
// `quick_gelu` is x sigmoid(1.702 x); `silu` is x sigmoid(x) (swish).
enum class Activation { none, gelu, gelu_tanh, quick_gelu, relu, silu, tanh, sigmoid };

// "none", "gelu", ...
std::string_view to_string(Activation activation) noexcept;

}  // namespace nopad
