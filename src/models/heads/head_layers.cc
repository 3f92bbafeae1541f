#include "models/heads/head_layers.h"

namespace nopad::models {
namespace {

void expect_layer(std::vector<ExpectedWeight>& out, const std::string& name, const Shape& weight,
                  int64_t outputs, bool needs_bias) {
  out.push_back({nn::join(name, "weight"), weight});
  out.push_back({nn::join(name, "bias"), {outputs}, needs_bias});
}

}  // namespace

std::vector<ExpectedWeight> HeadLayers::expected_weights(const HeadSpec& spec) {
  std::vector<ExpectedWeight> out;
  int64_t width = spec.num_inputs;
  if (const auto& transform = spec.transform) {
    width = transform->size;
    expect_layer(out, transform->dense, {width, spec.num_inputs}, width, spec.needs_biases);
    if (!transform->norm.empty()) {
      expect_layer(out, transform->norm, {width}, width, spec.needs_biases);
    }
  }
  out.push_back({spec.output_weight, {spec.num_outputs, width}});
  if (!spec.output_bias.empty()) {
    out.push_back({spec.output_bias, {spec.num_outputs}, spec.needs_biases});
  }
  if (!spec.copied_bias.empty()) out.push_back({spec.copied_bias, {spec.num_outputs}, false});
  return out;
}

HeadLayers HeadLayers::load(const HeadSpec& spec, const WeightSource& source) {
  expect_loadable(source, expected_weights(spec));
  HeadLayers head;
  if (const auto& transform = spec.transform) {
    head.dense_ = nn::Linear::load(source, transform->dense, spec.num_inputs, transform->size,
                                   nn::Compute::f32);
    head.activation_ = transform->activation;
    if (!transform->norm.empty()) {
      head.norm_ =
          nn::LayerNorm::load(source, transform->norm, transform->size, transform->norm_eps);
    }
  }
  const bool has_bias = !spec.output_bias.empty() && source.contains(spec.output_bias);
  head.output_ = nn::Linear(source.load(spec.output_weight),
                            has_bias ? source.load(spec.output_bias) : Tensor(), nn::Compute::f32);
  return head;
}

Tensor HeadLayers::operator()(const Tensor& rows) const {
  const Tensor wide = rows.dtype() == DType::bf16 ? rows.to(DType::f32) : rows;
  if (!dense_) return output_(wide);
  return output_(
      (*dense_)(wide, {.activation = activation_, .norm = norm_ ? &norm_->weights() : nullptr}));
}

}  // namespace nopad::models
