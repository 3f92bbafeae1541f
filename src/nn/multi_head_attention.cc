#include "nopad/nn/multi_head_attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>

#include "nn/keras_weights.h"
#include "nn/pattern_setting.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/linear.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

// Settings come from files as well; below this, products of two of them stay far from overflow.
constexpr int64_t kMaxSize = int64_t{1} << 24;

void expect_size(std::string_view name, int64_t size, int64_t smallest) {
  if (size < smallest || size > kMaxSize) {
    fail<OptionError>("MultiHeadAttention: ", name, ": expected ", smallest, " to ", kMaxSize,
                      ", got ", size);
  }
}

// The rows of a projection [H size, D], or of its bias [H size], with zeros after each head's, so
// that it has `wide` of them: attention takes queries, keys and values of one size, and zeros change
// neither a product of queries and keys nor the other features of a value.
Tensor widen_heads(const Tensor& rows, int64_t num_heads, int64_t size, int64_t wide) {
  if (size == wide || rows.num_elements() == 0) return rows;
  const int64_t inputs = rows.num_elements() / rows.dim(0);
  const Tensor none = Tensor::zeros({num_heads, wide - size, inputs}, rows.dtype());
  const Tensor out = ops::concat({ops::reshape(rows, {num_heads, size, inputs}), none}, 1);
  if (rows.rank() == 1) return ops::reshape(out, {num_heads * wide});
  return ops::reshape(out, {num_heads * wide, inputs});
}

// The first `size` features of each head's `wide` ones.
Tensor narrow_heads(const Tensor& context, int64_t num_heads, int64_t wide, int64_t size) {
  if (size == wide) return context;
  const int64_t rows = context.dim(0);
  const Tensor heads = ops::reshape(context, {rows, num_heads, wide});
  return ops::reshape(ops::slice(heads, 2, 0, size), {rows, num_heads * size});
}

// A kernel [D, H, size] as [H size, D]; any size where `size` is 0.
Tensor load_heads_in(const WeightSource& source, const std::string& name, int64_t num_heads,
                     int64_t size = 0) {
  const Shape stored = source.shape(name);
  const int64_t inputs = stored.rank() == 3 ? stored[0] : 0;
  if (size == 0 && stored.rank() == 3) size = stored[2];
  const Tensor kernel = load_weight(source, name, {inputs, num_heads, size});
  return ops::swap_axes(kernel.reshape({inputs, num_heads * size}), 0, 1);
}

// A kernel [H, V, outputs] as [outputs, H V].
Tensor load_heads_out(const WeightSource& source, const std::string& name, int64_t num_heads,
                      int64_t size) {
  const Shape stored = source.shape(name);
  const int64_t outputs = stored.rank() == 3 ? stored[2] : 0;
  const Tensor kernel = load_weight(source, name, {num_heads, size, outputs});
  return ops::swap_axes(kernel.reshape({num_heads * size, outputs}), 0, 1);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Config& config)
    : LayerOf("MultiHeadAttention"), config_(config) {
  expect_band(kind(), config_.pattern);
  // A rate and a seed as every dropout has them.
  config_.seed = Dropout({.rate = config_.dropout, .seed = config_.seed}).config().seed;
}

void MultiHeadAttention::make_weights(std::span<const Spec> inputs) const {
  if (inputs.empty() || inputs.size() > 3) {
    fail<ShapeError>("MultiHeadAttention: inputs: expected 1 to 3, got ", inputs.size());
  }
  const int64_t heads = config_.num_heads;
  expect_size("num_heads", heads, 1);
  expect_size("key_dim", config_.key_dim, 0);
  expect_size("value_dim", config_.value_dim, 0);
  expect_size("output_dim", config_.output_dim, 0);
  const int64_t query = inputs[0].dim(-1, "MultiHeadAttention");
  const int64_t key = inputs[inputs.size() == 1 ? 0 : 1].dim(-1, "MultiHeadAttention");
  const int64_t value = inputs.back().dim(-1, "MultiHeadAttention");
  if (config_.key_dim == 0 && (query == 0 || query % heads != 0)) {
    fail<ShapeError>("MultiHeadAttention: query: expected a width that ", heads,
                     " heads divide, since key_dim is not given, got ", query);
  }
  const int64_t keys = config_.key_dim == 0 ? query : heads * config_.key_dim;
  const int64_t values = config_.value_dim == 0 ? keys : heads * config_.value_dim;
  const int64_t outputs = config_.output_dim == 0 ? query : config_.output_dim;
  const Initializer glorot = Initializer::glorot_uniform();
  if (query == key && query == value) {
    in_weight_.initialize({2 * keys + values, query}, glorot);
  } else {
    q_weight_.initialize({keys, query}, glorot);
    k_weight_.initialize({keys, key}, glorot);
    v_weight_.initialize({values, value}, glorot);
  }
  out_weight_.initialize({outputs, values}, glorot);
  if (!config_.use_bias) return;
  in_bias_.initialize({2 * keys + values}, Initializer::zeros());
  out_bias_.initialize({outputs}, Initializer::zeros());
}

MultiHeadAttention::Sizes MultiHeadAttention::head_sizes() const {
  const int64_t values = out_weight_->dim(1);
  const int64_t keys =
      in_weight_.has_value() ? (in_weight_->dim(0) - values) / 2 : q_weight_->dim(0);
  return {keys / config_.num_heads, values / config_.num_heads};
}

std::vector<Value> MultiHeadAttention::call_values(std::span<const Value> inputs) const {
  return {attend(inputs, AttentionPattern::full())};
}

RaggedTensor MultiHeadAttention::run(std::initializer_list<Value> inputs,
                                     const AttentionPattern& pattern) const {
  if (!is_built()) {
    std::vector<Spec> specs;
    std::ranges::transform(inputs, std::back_inserter(specs), Spec::of);
    build(specs);
  }
  return attend({inputs.begin(), inputs.size()}, pattern);
}

RaggedTensor MultiHeadAttention::attend(std::span<const Value> inputs,
                                        const AttentionPattern& pattern) const {
  if (inputs.empty() || inputs.size() > 3) {
    fail<ShapeError>("MultiHeadAttention: inputs: expected 1 to 3, got ", inputs.size());
  }
  const Sizes sizes = head_sizes();
  const ops::AttentionConfig config{.num_heads = config_.num_heads,
                                    .pattern = config_.pattern & pattern,
                                    .scale = 1 / std::sqrt(static_cast<double>(sizes.key)),
                                    .dropout = draw()};
  const Tensor no_bias;
  const bool is_one_product = inputs.size() == 1 && sizes.key == sizes.value;
  const RaggedTensor context =
      is_one_product ? ops::self_attention(ops::linear(inputs[0].ragged(kind()), *in_weight_,
                                                       config_.use_bias ? *in_bias_ : no_bias),
                                           config)
                     : attend_apart(inputs, config, sizes);
  return ops::linear(context, *out_weight_, config_.use_bias ? *out_bias_ : no_bias);
}

RaggedTensor MultiHeadAttention::attend_apart(std::span<const Value> inputs,
                                              const ops::AttentionConfig& config,
                                              Sizes sizes) const {
  const int64_t heads = config_.num_heads, wide = std::max(sizes.key, sizes.value);
  const std::array<int64_t, 3> head_rows = {sizes.key, sizes.key, sizes.value};
  const std::array<int64_t, 3> rows = {heads * sizes.key, heads * sizes.key, heads * sizes.value};
  const std::vector<Tensor> weights = in_weight_.has_value()
                                          ? ops::split(*in_weight_, rows, 0)
                                          : std::vector<Tensor>{*q_weight_, *k_weight_, *v_weight_};
  const std::vector<Tensor> biases =
      config_.use_bias ? ops::split(*in_bias_, rows, 0) : std::vector<Tensor>(3);
  const auto project = [&](const Value& input, size_t i) {
    return ops::linear(input.ragged(kind()), widen_heads(weights[i], heads, head_rows[i], wide),
                       widen_heads(biases[i], heads, head_rows[i], wide));
  };
  const RaggedTensor context =
      ops::attention(project(inputs.front(), 0), project(inputs[inputs.size() == 1 ? 0 : 1], 1),
                     project(inputs.back(), 2), config);
  return context.with_values(narrow_heads(context.values(), heads, wide, sizes.value));
}

ops::DropoutConfig MultiHeadAttention::draw() const {
  if (!is_training() || config_.dropout == 0) return {.rate = 0};
  return {.rate = config_.dropout,
          .seed = static_cast<uint64_t>(config_.seed),
          .step = step_->fetch_add(1)};
}

void MultiHeadAttention::load_keras(const WeightSource& source, std::string_view prefix) const {
  const int64_t heads = config_.num_heads;
  expect_size("num_heads", heads, 1);
  const auto name = [&](const char* part) { return join_keras(prefix, part); };
  const Tensor query = load_heads_in(source, name("query/kernel"), heads);
  const Tensor key = load_heads_in(source, name("key/kernel"), heads, query.dim(0) / heads);
  const Tensor value = load_heads_in(source, name("value/kernel"), heads);
  const Sizes sizes{query.dim(0) / heads, value.dim(0) / heads};
  assign_in(std::array{query, key, value});
  out_weight_.assign(load_heads_out(source, name("attention_output/kernel"), heads, sizes.value));
  if (!config_.use_bias) return;
  const auto bias = [&](const char* part, int64_t size) {
    return load_weight(source, name(part), {heads, size}).reshape({heads * size});
  };
  in_bias_.assign(ops::concat(
      {bias("query/bias", sizes.key), bias("key/bias", sizes.key), bias("value/bias", sizes.value)},
      0));
  out_bias_.assign(load_weight(source, name("attention_output/bias"), {out_weight_->dim(0)}));
}

// The weights of query, key and value, in the form that make_weights gives inputs of their widths.
void MultiHeadAttention::assign_in(std::span<const Tensor> weights) const {
  const int64_t width = weights[0].dim(1);
  if (weights[1].dim(1) == width && weights[2].dim(1) == width) {
    return in_weight_.assign(ops::concat(weights, 0));
  }
  q_weight_.assign(weights[0]);
  k_weight_.assign(weights[1]);
  v_weight_.assign(weights[2]);
}

MultiHeadAttention::Projections MultiHeadAttention::projections() const {
  const auto bias = [&](const Parameter& parameter) {
    return config_.use_bias ? autograd::detach(*parameter) : Tensor();
  };
  return {.in_weight = autograd::detach(*in_weight_),
          .in_bias = bias(in_bias_),
          .out_weight = autograd::detach(*out_weight_),
          .out_bias = bias(out_bias_)};
}

void MultiHeadAttention::visit_config(ConfigVisitor& visitor) {
  visitor.field("num_heads", config_.num_heads);
  visitor.field("key_dim", config_.key_dim);
  visitor.field("value_dim", config_.value_dim);
  visitor.field("output_dim", config_.output_dim);
  visitor.field("use_bias", config_.use_bias);
  visitor.field("dropout", config_.dropout);
  visitor.field("seed", config_.seed);
  visit_pattern(visitor, config_.pattern);
}

}  // namespace nopad::nn
