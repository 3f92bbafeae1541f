#include "nopad/nn/lambda.h"

#include <array>

#include "nopad/core/error.h"

namespace nopad::nn {
namespace {

// The place of the function's type among the alternatives of Lambda::Function.
enum class Kind : size_t { dense, tokens, end, begin };
constexpr std::array<std::string_view, 4> kSignatures = {
    "Tensor of Tensor", "RaggedTensor of RaggedTensor", "Tensor of RaggedTensor",
    "RaggedTensor of Tensor"};

Kind kind_for(MaskRule rule) {
  switch (rule) {
    case MaskRule::passes:
    case MaskRule::refuses: return Kind::dense;
    case MaskRule::mixes:
    case MaskRule::relays: return Kind::tokens;
    case MaskRule::reduces:
    case MaskRule::drops: return Kind::end;
    case MaskRule::makes: return Kind::begin;
  }
  fail<InternalError>("Lambda: rule: got the unknown value ", static_cast<int>(rule));
}

}  // namespace

Lambda::Lambda(MaskRule rule, Function function)
    : LayerOf("Lambda"), rule_(rule), function_(std::move(function)) {
  const auto expected = static_cast<size_t>(kind_for(rule));
  if (function_.index() != expected) {
    fail<OptionError>("Lambda: function: expected a ", kSignatures[expected], " since its rule is ",
                      rule, ", got a ", kSignatures[function_.index()]);
  }
  if (std::visit([](const auto& f) { return f == nullptr; }, function_)) {
    fail<OptionError>("Lambda: function: expected one, got none");
  }
}

std::vector<Value> Lambda::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), 1);
  const Value& x = inputs[0];
  switch (static_cast<Kind>(function_.index())) {
    case Kind::dense: {
      Tensor out = std::get<DenseFunction>(function_)(x.values());
      if (!x.is_ragged()) return {std::move(out)};
      return {x.ragged().with_values(std::move(out))};
    }
    case Kind::tokens: return {std::get<TokenFunction>(function_)(x.ragged("Lambda"))};
    case Kind::end: return {std::get<EndFunction>(function_)(x.ragged("Lambda"))};
    case Kind::begin: return {std::get<BeginFunction>(function_)(x.dense("Lambda"))};
  }
  fail<InternalError>("Lambda: function: none of the four");
}

void Lambda::visit_config(ConfigVisitor&) {
  fail<OptionError>(
      "Lambda: config: a function has no settings to save; make it a class that derives from one "
      "of the kinds of layers");
}

}  // namespace nopad::nn
