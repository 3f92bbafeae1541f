#include "nopad/core/activation.h"

namespace nopad {

std::string_view to_string(Activation activation) noexcept {
  switch (activation) {
    case Activation::none: return "none";
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return "gelu_tanh";
    case Activation::quick_gelu: return "quick_gelu";
    case Activation::relu: return "relu";
    case Activation::silu: return "silu";
    case Activation::tanh: return "tanh";
    case Activation::sigmoid: return "sigmoid";
    case Activation::gelu_10: return "gelu_10";
    case Activation::mish: return "mish";
    case Activation::relu2: return "relu2";
    case Activation::relu6: return "relu6";
    case Activation::hardswish: return "hardswish";
    case Activation::leaky_relu: return "leaky_relu";
    case Activation::laplace: return "laplace";
  }
  return "?";
}

}  // namespace nopad
