#include "nopad/nn/config.h"

#include <array>

namespace nopad::nn {

void ConfigVisitor::field(std::string_view name, float& value) {
  auto wide = static_cast<double>(value);
  field(name, wide);
  value = static_cast<float>(wide);
}

void ConfigVisitor::field(std::string_view name, Activation& value) {
  using enum Activation;
  constexpr std::array kAll{none, gelu, gelu_tanh, quick_gelu, relu, silu, tanh, sigmoid};
  std::array<std::string_view, kAll.size()> words;
  for (size_t i = 0; i < kAll.size(); ++i) words[i] = to_string(kAll[i]);
  choice(name, value, std::span<const std::string_view>(words));
}

}  // namespace nopad::nn
