#include "nopad/nn/symbol.h"

#include "nopad/core/error.h"

namespace nopad::nn {

const Spec& Symbol::spec() const noexcept { return call_->outputs[static_cast<size_t>(output_)]; }

Symbol input(std::string name, Spec spec) {
  if (spec.is_ragged) spec.layout = make_layout_number();
  auto call = std::make_shared<Call>();
  call->name = std::move(name);
  call->outputs = {std::move(spec)};
  return {std::move(call), 0};
}

Symbol input(std::string name, Spec spec, const Symbol& same_tokens) {
  if (!spec.is_ragged || !same_tokens.spec().is_ragged) {
    fail<LayoutError>("input: ", name, ": expected ragged values over the same tokens, got ", spec,
                      " and ", same_tokens.spec());
  }
  Symbol symbol = input(std::move(name), std::move(spec));
  auto call = std::make_shared<Call>(*symbol.call());
  call->outputs[0].layout = same_tokens.spec().layout;
  return {std::move(call), 0};
}

}  // namespace nopad::nn
