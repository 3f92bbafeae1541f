// Symbol: a value of a model that is being put together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nopad/nn/value.h"

namespace nopad::nn {

class Layer;
struct Call;

// An output of a call that has been checked, but not run on data. Copies are the same.
class Symbol {
 public:
  Symbol(std::shared_ptr<const Call> call, int output) : call_(std::move(call)), output_(output) {}

  const Spec& spec() const noexcept;
  const std::shared_ptr<const Call>& call() const noexcept { return call_; }
  int output() const noexcept { return output_; }

 private:
  std::shared_ptr<const Call> call_;
  int output_;
};

// One call of a layer, or an input.
struct Call {
  std::shared_ptr<const Layer> layer = {};  // null: an input of the model
  std::string name = {};                    // an input's
  std::vector<Symbol> inputs = {};
  std::vector<Spec> outputs = {};
};

// What a model will be given. Two inputs over the same tokens, e.g. ids and features, share the
// layout of the first: input("features", Spec::ragged({4}), ids).
Symbol input(std::string name, Spec spec);
Symbol input(std::string name, Spec spec, const Symbol& same_tokens);

// A number that no layout of a Spec had before.
int make_layout_number();

// Runs the layer on small made-up batches to find out what it gives for inputs like these, and
// whether it keeps its mask rule: the layout it promises, and results of a sequence (of a token,
// where the rule is `passes`) that do not depend on its neighbours, bit for bit.
// Throws what the layer throws, its kind put before the message; LayoutError, a broken rule
std::vector<Spec> check_call(const Layer& layer, std::span<const Spec> inputs);

}  // namespace nopad::nn
