#include "nopad/nn/windows.h"

#include <array>

namespace nopad::nn {

ops::WindowPadding to_ops(const WindowPadding& padding) {
  switch (padding.kind) {
    case WindowPadding::Kind::valid: return ops::WindowPadding::valid();
    case WindowPadding::Kind::same: return ops::WindowPadding::same();
    case WindowPadding::Kind::causal: return ops::WindowPadding::causal();
    case WindowPadding::Kind::sides: break;
  }
  return ops::WindowPadding::sides(padding.left, padding.right);
}

void visit_padding(ConfigVisitor& visitor, WindowPadding& padding) {
  constexpr std::array<std::string_view, 4> kKinds = {"valid", "same", "causal", "sides"};
  visitor.choice("padding", padding.kind, kKinds);
  visitor.field("padding_left", padding.left);
  visitor.field("padding_right", padding.right);
}

}  // namespace nopad::nn
