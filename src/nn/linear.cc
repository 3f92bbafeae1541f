#include "nopad/nn/linear.h"

#include <algorithm>

#include "nn/keras_weights.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/elementwise.h"

namespace nopad::nn {
namespace {

Tensor load_bias(const WeightSource& source, std::string_view prefix, int64_t outputs) {
  const std::string name = join(prefix, "bias");
  return source.contains(name) ? load_weight(source, name, {outputs}) : Tensor();
}

}  // namespace

Linear::Linear(const Config& config) : TokenLayer("Linear"), config_(config) {}

Linear::Linear(const Tensor& weight, const Tensor& bias, Compute compute) : Linear() {
  packed_ = std::make_shared<ops::PackedLinear>(weight, bias, dtype_of(compute));
  config_ = {.units = packed_->num_outputs(), .use_bias = bias.num_elements() != 0};
  build({});  // nothing is left to make, so threads may share it from the first call
}

Linear Linear::load(const WeightSource& source, std::string_view prefix, int64_t inputs,
                    int64_t outputs, Compute compute) {
  return Linear(load_weight(source, join(prefix, "weight"), {outputs, inputs}),
                load_bias(source, prefix, outputs), compute);
}

Linear Linear::load_fused(const WeightSource& source, std::span<const std::string> prefixes,
                          int64_t inputs, int64_t outputs_each, Compute compute) {
  const int64_t outputs = std::ssize(prefixes) * outputs_each;
  Tensor weight = Tensor::empty({outputs, inputs});
  Tensor bias = Tensor::zeros({outputs});
  for (int64_t i = 0; i < std::ssize(prefixes); ++i) {
    const std::string& prefix = prefixes[static_cast<size_t>(i)];
    const Tensor part = load_weight(source, join(prefix, "weight"), {outputs_each, inputs});
    std::ranges::copy(part.values<float>(),
                      weight.mutable_values<float>().begin() + i * outputs_each * inputs);
    // A missing bias is a bias of zeros.
    const Tensor part_bias = load_bias(source, prefix, outputs_each);
    std::ranges::copy(part_bias.values<float>(),
                      bias.mutable_values<float>().begin() + i * outputs_each);
  }
  return Linear(weight, bias, compute);
}

Linear Linear::freeze(Compute compute) const {
  if (is_frozen()) fail<OptionError>("Linear: freeze: expected a trained layer, got a frozen one");
  // The bias is a copy: training goes on writing to the parameter's.
  const Tensor bias = config_.use_bias ? ops::add(autograd::detach(*bias_), 0) : Tensor();
  Linear frozen(autograd::detach(*weight_), bias, compute);
  frozen.config_ = config_;
  return frozen;
}

void Linear::load_keras(const WeightSource& source, std::string_view prefix) const {
  weight_.assign(load_keras_kernel(source, join_keras(prefix, "kernel"), config_.units));
  if (!config_.use_bias) return;
  bias_.assign(load_weight(source, join_keras(prefix, "bias"), {config_.units}));
}

void Linear::make_weights(std::span<const Spec> inputs) const {
  if (is_frozen()) return;
  if (config_.units < 1) {
    fail<OptionError>("Linear: units: expected 1 or more, got ", config_.units);
  }
  expect_inputs(inputs.size(), 1);
  weight_.initialize({config_.units, inputs[0].dim(-1, "Linear")}, Initializer::glorot_uniform());
  if (config_.use_bias) bias_.initialize({config_.units}, Initializer::zeros());
}

Tensor Linear::call(const Tensor& rows) const {
  return (*this)(rows, {.activation = config_.activation});
}

Tensor Linear::operator()(const Tensor& x, const ops::LinearEpilogue& epilogue) const {
  if (is_frozen()) {
    if (is_training()) {
      fail<OptionError>(
          "Linear: training: expected parameters, got weights packed for inference; train the "
          "layer that was frozen");
    }
    return ops::linear(x, *packed_, epilogue);
  }
  if (!is_built()) {
    const Spec spec = Spec::of(x);
    build({&spec, 1});
  }
  Tensor y = ops::linear(x, *weight_, config_.use_bias ? *bias_ : Tensor());
  y = ops::activate(y, epilogue.activation);
  if (epilogue.residual != nullptr) y = ops::add(y, *epilogue.residual);
  return epilogue.norm == nullptr ? y : ops::layer_norm(y, *epilogue.norm);
}

void Linear::visit_config(ConfigVisitor& visitor) {
  if (is_frozen()) {
    fail<OptionError>(
        "Linear: config: expected a trained layer, got a frozen one, whose weights can't be saved; "
        "save the layer that was frozen");
  }
  visitor.field("units", config_.units);
  visitor.field("use_bias", config_.use_bias);
  visitor.field("activation", config_.activation);
}

}  // namespace nopad::nn
