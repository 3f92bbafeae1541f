#include "nopad/nn/config.h"

#include <array>

namespace nopad::nn {

void ConfigVisitor::field(std::string_view name, float& value) {
  auto wide = static_cast<double>(value);
  field(name, wide);
  value = static_cast<float>(wide);
}

void ConfigVisitor::field(std::string_view name, Activation& value) {
  std::array<std::string_view, kNumActivations> words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = to_string(static_cast<Activation>(i));
  choice(name, value, std::span<const std::string_view>(words));
}

}  // namespace nopad::nn
