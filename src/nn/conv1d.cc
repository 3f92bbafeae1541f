#include "nopad/nn/conv1d.h"

#include "nn/keras_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/conv.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

int64_t middle_axis(const WeightSource& source, const std::string& name) {
  const Shape shape = source.shape(name);
  return shape.rank() == 3 ? shape[1] : 0;
}

}  // namespace

void Conv1D::expect_config() const {
  const auto expect = [](std::string_view name, int64_t value) {
    if (value < 1) fail<OptionError>("Conv1D: ", name, ": expected 1 or more, got ", value);
  };
  expect("filters", config_.filters);
  expect("kernel_size", config_.kernel_size);
  expect("groups", config_.groups);
  if (config_.filters % config_.groups != 0) {
    fail<OptionError>("Conv1D: groups: expected to divide ", config_.filters, " filters, got ",
                      config_.groups);
  }
}

void Conv1D::make_weights(std::span<const Spec> inputs) const {
  expect_config();
  expect_inputs(inputs.size(), 1);
  if (inputs[0].row.size() != 1) {
    fail<ShapeError>("Conv1D: input: expected [T, C], got ", inputs[0]);
  }
  const int64_t channels = inputs[0].dim(-1, "Conv1D");
  if (channels % config_.groups != 0) {
    fail<ShapeError>("Conv1D: input: expected channels that ", config_.groups,
                     " groups divide, got ", channels);
  }
  weight_.initialize({config_.filters, channels / config_.groups, config_.kernel_size},
                     Initializer::glorot_uniform());
  if (config_.use_bias) bias_.initialize({config_.filters}, Initializer::zeros());
}

RaggedTensor Conv1D::call(const RaggedTensor& x) const {
  const RaggedTensor y = ops::conv1d(x, *weight_, config_.use_bias ? *bias_ : Tensor(),
                                     {.stride = config_.strides,
                                      .padding = to_ops(config_.padding),
                                      .dilation = config_.dilation,
                                      .groups = config_.groups});
  return ops::activate(y, config_.activation);
}

void Conv1D::visit_config(ConfigVisitor& visitor) {
  visitor.field("filters", config_.filters);
  visitor.field("kernel_size", config_.kernel_size);
  visitor.field("strides", config_.strides);
  visit_padding(visitor, config_.padding);
  visitor.field("dilation", config_.dilation);
  visitor.field("groups", config_.groups);
  visitor.field("use_bias", config_.use_bias);
  visitor.field("activation", config_.activation);
}

void Conv1D::assign(const WeightSource& source, const Tensor& weight,
                    const std::string& bias) const {
  if (!config_.use_bias && source.contains(bias)) {
    fail<WeightError>(source.description(), ": ", bias, ": expected none, since use_bias is false");
  }
  weight_.assign(weight);
  if (config_.use_bias) bias_.assign(load_weight(source, bias, {config_.filters}));
}

void Conv1D::load_pytorch(const WeightSource& source, std::string_view prefix) const {
  expect_config();
  const std::string name = join(prefix, "weight");
  const Shape expected{config_.filters, middle_axis(source, name), config_.kernel_size};
  assign(source, load_weight(source, name, expected), join(prefix, "bias"));
}

void Conv1D::load_keras(const WeightSource& source, std::string_view prefix) const {
  expect_config();
  const std::string name = join_keras(prefix, "kernel");
  const Shape expected{config_.kernel_size, middle_axis(source, name), config_.filters};
  const Tensor kernel = load_weight(source, name, expected);
  assign(source, ops::transpose(kernel, {2, 1, 0}), join_keras(prefix, "bias"));
}

}  // namespace nopad::nn
