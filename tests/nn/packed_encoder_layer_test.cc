#include "nn/packed_encoder_layer.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/transformer.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/gate.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ops/linear.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"

namespace nopad::nn {
namespace {

constexpr int64_t kWidth = 12, kHeads = 3, kInner = 7;

// Tensors by name.
class Weights final : public WeightSource {
 public:
  void add(const std::string& name, const Tensor& value) {
    weights_[name] = autograd::detach(value);
  }
  bool contains(std::string_view name) const override {
    return weights_.contains(std::string(name));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, value] : weights_) out.push_back(name);
    return out;
  }
  Shape shape(std::string_view name) const override { return load(name).shape(); }
  Tensor load(std::string_view name) const override {
    const auto place = weights_.find(std::string(name));
    if (place == weights_.end()) fail<WeightError>("Weights: ", name, ": missing");
    return place->second;
  }
  std::string description() const override { return "Weights"; }

 private:
  std::map<std::string, Tensor> weights_;
};

RaggedTensor tokens(const std::vector<int64_t>& lengths) {
  const RaggedLayout layout = RaggedLayout::from_lengths(lengths);
  return {test::Random(1).tensor({layout.num_tokens(), kWidth}), layout};
}

const PackedEncoderLayer::Sizes kSizes{
    .hidden = kWidth, .attention = kWidth, .intermediate = kInner};
const PackedEncoderLayer::Names kNames{.query_key_value = {"q", "k", "v"},
                                       .attention_output = "o",
                                       .attention_norm = "n1",
                                       .up = {"up"},
                                       .down = "down",
                                       .output_norm = "n2"};

// A layer that was trained, with biases and norms that show when they are forgotten.
TransformerEncoderLayer trained_layer(bool norm_first) {
  const TransformerEncoderLayer layer({.hidden_size = kWidth,
                                       .num_heads = kHeads,
                                       .intermediate_size = kInner,
                                       .activation = Activation::gelu,
                                       .norm_first = norm_first});
  const Spec spec = Spec::ragged({kWidth});
  layer.build({&spec, 1});
  test::Random random(5);
  for (const auto& [name, parameter] : layer.parameters()) {
    if (parameter->rank() == 1) parameter.assign(random.tensor(parameter->shape(), 0.2f, 1));
  }
  return layer;
}

// Its weights as a checkpoint holds them, with the projections apart.
Weights checkpoint_of(const TransformerEncoderLayer& layer) {
  const std::map<std::string, std::string> names = {{"self_attn.out_proj", "o"},
                                                    {"norm1", "n1"},
                                                    {"linear1", "up"},
                                                    {"linear2", "down"},
                                                    {"norm2", "n2"}};
  Weights out;
  for (const auto& [name, parameter] : layer.parameters()) {
    const size_t dot = name.rfind('.');
    if (const auto found = names.find(name.substr(0, dot)); found != names.end()) {
      out.add(found->second + name.substr(dot), *parameter);
      continue;
    }
    const std::string kind = name.ends_with("weight") ? ".weight" : ".bias";
    const Tensor rows = autograd::detach(*parameter);
    out.add("qkv" + kind, rows);
    for (int64_t i = 0; i < 3; ++i) {
      out.add(kNames.query_key_value[static_cast<size_t>(i)] + kind,
              rows.rows(i * kWidth, (i + 1) * kWidth));
    }
  }
  return out;
}

TEST(PackedEncoderLayer, ACheckpointGivesTheBitsOfAFrozenLayer) {
  const RaggedTensor x = tokens({5, 0, 9});
  PackedEncoderLayer::Names fused = kNames;
  fused.query_key_value = {"qkv"};
  for (const bool norm_first : {false, true}) {
    const TransformerEncoderLayer layer = trained_layer(norm_first);
    const Weights source = checkpoint_of(layer);
    const Tensor expected = layer.freeze(Compute::f32)(x).values();
    for (const PackedEncoderLayer::Names& names : {kNames, fused}) {
      const auto loaded = PackedEncoderLayer::load(
          source, names, kSizes,
          {.num_heads = kHeads, .activation = Activation::gelu, .norm_first = norm_first},
          Compute::f32);
      test::expect_same_bits(loaded(x, AttentionPattern::full()).values(), expected);
    }
  }
  test::expect_error<WeightError>(
      [] { PackedEncoderLayer::load(Weights(), kNames, kSizes, {.num_heads = 3}, Compute::f32); },
      "Weights: q.weight: missing");
}

// Random weights of a gated layer without biases, but for the norms'.
Weights gated_weights() {
  test::Random random(7);
  Weights out;
  for (const char* const name : {"q", "k", "v", "o"}) {
    out.add(concat(name, ".weight"), random.tensor({kWidth, kWidth}));
  }
  out.add("gate_up.weight", random.tensor({2 * kInner, kWidth}));
  out.add("gate.weight", out.load("gate_up.weight").rows(0, kInner));
  out.add("up.weight", out.load("gate_up.weight").rows(kInner, 2 * kInner));
  out.add("down.weight", random.tensor({kWidth, kInner}));
  for (const char* const name : {"n1", "n2"}) {
    out.add(concat(name, ".weight"), random.tensor({kWidth}, 0.5f, 1));
    out.add(concat(name, ".bias"), random.tensor({kWidth}));
  }
  return out;
}

PackedEncoderLayer load_gated(const PackedEncoderLayer::Names& names,
                              const PackedEncoderLayer::Config& config) {
  return PackedEncoderLayer::load(gated_weights(), names, kSizes, config, Compute::f32);
}

PackedEncoderLayer::Config gated_config() {
  return {.num_heads = kHeads,
          .activation = Activation::silu,
          .is_gated = true,
          .rotary = ops::RotaryTable(ops::rotary_frequencies(100, kWidth / kHeads), 1100)};
}

// The layer by ops alone, each as its formula says.
Tensor by_ops(const RaggedTensor& x, bool norm_first, bool has_attention_norm) {
  const Weights weights = gated_weights();
  const auto product = [&](const Tensor& in, const char* name) {
    return ops::linear(in, weights.load(concat(name, ".weight")));
  };
  const auto norm = [&](const Tensor& in, const char* name) {
    return ops::layer_norm(in, {.gain = weights.load(concat(name, ".weight")),
                                .bias = weights.load(concat(name, ".bias"))});
  };
  const ops::RotaryTable table = *gated_config().rotary;
  const auto turned = [&](const Tensor& rows) {
    return ops::rotary(x.with_values(rows), kHeads, table);
  };
  const Tensor in = norm_first && has_attention_norm ? norm(x.values(), "n1") : x.values();
  const RaggedTensor context =
      ops::attention(turned(product(in, "q")), turned(product(in, "k")),
                     x.with_values(product(in, "v")), {.num_heads = kHeads});
  Tensor y = ops::add(x.values(), product(context.values(), "o"));
  if (!norm_first) y = norm(y, "n1");
  const Tensor inner = norm_first ? norm(y, "n2") : y;
  const Tensor gate = ops::activate(product(inner, "gate"), Activation::silu);
  y = ops::add(y, product(ops::multiply(gate, product(inner, "up")), "down"));
  return norm_first ? y : norm(y, "n2");
}

TEST(PackedEncoderLayer, GatedAndTurnedItEqualsItsFormulas) {
  const RaggedTensor x = tokens({5, 0, 9, 1});
  PackedEncoderLayer::Names apart = kNames, fused = kNames;
  apart.up = {"gate", "up"};
  fused.up = {"gate_up"};
  for (const bool norm_first : {false, true}) {
    PackedEncoderLayer::Config config = gated_config();
    config.norm_first = norm_first;
    for (const PackedEncoderLayer::Names& names : {apart, fused}) {
      const RaggedTensor got = load_gated(names, config)(x, AttentionPattern::full());
      test::expect_close(got.values(), by_ops(x, norm_first, true), test::kF32Model);
    }
  }
}

TEST(PackedEncoderLayer, TheFirstNormCanBeAbsent) {
  const RaggedTensor x = tokens({4, 2});
  PackedEncoderLayer::Names names = kNames;
  names.attention_norm.clear();
  names.up = {"gate_up"};
  PackedEncoderLayer::Config config = gated_config();
  config.norm_first = true;
  test::expect_close(load_gated(names, config)(x, AttentionPattern::full()).values(),
                     by_ops(x, true, false), test::kF32Model);
}

TEST(PackedEncoderLayer, BlocksOfRowsDoNotShow) {
  const RaggedTensor x = tokens({1000, 3, 70, 0, 1030});
  PackedEncoderLayer::Names names = kNames;
  names.up = {"gate_up"};
  const PackedEncoderLayer layer = load_gated(names, gated_config());
  test::expect_batch_equals_alone(
      [&](const RaggedTensor& batch) { return layer(batch, AttentionPattern::window(3, 3)); }, x);
}

}  // namespace
}  // namespace nopad::nn
