// Lambda: a function as a layer, which must say what it does to masks.
#pragma once

#include <functional>
#include <variant>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// The function's type follows from the rule; models hold it to both.
//   passes, refuses       : Tensor of Tensor; where it passes, of the tokens' values
//   mixes, relays         : RaggedTensor of RaggedTensor
//   reduces, drops        : Tensor of RaggedTensor
//   makes                 : RaggedTensor of Tensor
// For example
//   Lambda(MaskRule::passes, [](const Tensor& x) { return ops::square(x); })
// Mask   : as declared
// Throws : OptionError, the function is not of the rule's type, or there is none; LayoutError, it
//          does something else to the layout than it says
// It can't be saved, since a function has no settings: what is to be saved derives from a kind.
class Lambda : public LayerOf<Lambda> {
 public:
  using DenseFunction = std::function<Tensor(const Tensor&)>;
  using TokenFunction = std::function<RaggedTensor(const RaggedTensor&)>;
  using EndFunction = std::function<Tensor(const RaggedTensor&)>;
  using BeginFunction = std::function<RaggedTensor(const Tensor&)>;
  using Function = std::variant<DenseFunction, TokenFunction, EndFunction, BeginFunction>;

  Lambda(MaskRule rule, Function function);

  Value operator()(const Value& x) const { return apply_one(x); }
  using LayerOf::operator();

  MaskRule mask_rule() const noexcept override { return rule_; }
  // Throws OptionError.
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override;

 private:
  MaskRule rule_;
  Function function_;
};

}  // namespace nopad::nn
