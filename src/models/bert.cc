#include "nopad/models/bert.h"

#include <array>
#include <string>

#include "nopad/core/error.h"
#include "nopad/ops/embedding.h"
#include "nopad/ops/pool.h"

namespace nopad::models {
namespace {

nn::TransformerEncoderLayer::Names layer_names(int64_t layer) {
  const std::string prefix = concat("encoder.layer.", layer);
  const auto name = [&](const char* part) { return nn::join(prefix, part); };
  return {.query_key_value = {name("attention.self.query"), name("attention.self.key"),
                              name("attention.self.value")},
          .attention_output = name("attention.output.dense"),
          .attention_norm = name("attention.output.LayerNorm"),
          .up = name("intermediate.dense"),
          .down = name("output.dense"),
          .output_norm = name("output.LayerNorm")};
}

void expect_linear(std::vector<ExpectedWeight>& out, const std::string& name, int64_t inputs,
                   int64_t outputs, bool is_required = true) {
  out.push_back({nn::join(name, "weight"), {outputs, inputs}, is_required});
  out.push_back({nn::join(name, "bias"), {outputs}, is_required});
}

void expect_norm(std::vector<ExpectedWeight>& out, const std::string& name, int64_t width) {
  out.push_back({nn::join(name, "weight"), {width}});
  out.push_back({nn::join(name, "bias"), {width}});
}

void expect_supported(const io::BertConfig& config) {
  if (config.position_embedding != io::PositionEmbedding::absolute) {
    fail<OptionError>("BertModel: position_embedding_type: expected absolute, got ",
                      config.position_embedding);
  }
  if (config.is_decoder) fail<OptionError>("BertModel: is_decoder: expected false, got true");
}

// Each token's place in its sequence, counted from `offset`.
Tensor make_positions(const RaggedLayout& layout, int64_t offset) {
  Tensor positions = Tensor::empty({layout.num_tokens()}, DType::i32);
  auto next = positions.mutable_values<int32_t>().begin();
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) *next++ = static_cast<int32_t>(offset + i);
  }
  return positions;
}

}  // namespace

std::vector<ExpectedWeight> BertModel::expected_weights(const io::BertConfig& config) {
  const int64_t hidden = config.hidden_size;
  std::vector<ExpectedWeight> out = {
      {"embeddings.word_embeddings.weight", {config.vocab_size, hidden}},
      {"embeddings.position_embeddings.weight", {config.max_position_embeddings, hidden}},
      {"embeddings.token_type_embeddings.weight", {config.type_vocab_size, hidden}}};
  expect_norm(out, "embeddings.LayerNorm", hidden);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const auto names = layer_names(layer);
    for (const std::string& name : names.query_key_value) expect_linear(out, name, hidden, hidden);
    expect_linear(out, names.attention_output, hidden, hidden);
    expect_norm(out, names.attention_norm, hidden);
    expect_linear(out, names.up, hidden, config.intermediate_size);
    expect_linear(out, names.down, config.intermediate_size, hidden);
    expect_norm(out, names.output_norm, hidden);
  }
  expect_linear(out, "pooler.dense", hidden, hidden, false);
  return out;
}

BertModel BertModel::load(const io::BertConfig& config, const WeightSource& source,
                          nn::Compute compute) {
  expect_supported(config);
  expect_loadable(source, expected_weights(config));
  const auto eps = static_cast<float>(config.layer_norm_eps);
  BertModel model;
  model.config_ = config;
  model.compute_ = compute;
  model.word_embeddings_ = source.load("embeddings.word_embeddings.weight");
  model.position_embeddings_ = source.load("embeddings.position_embeddings.weight");
  model.type_embeddings_ = source.load("embeddings.token_type_embeddings.weight");
  model.embedding_norm_ =
      nn::LayerNorm::load(source, "embeddings.LayerNorm", config.hidden_size, eps);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    model.layers_.push_back(
        nn::TransformerEncoderLayer::load(source, layer_names(layer),
                                          {.hidden_size = config.hidden_size,
                                           .num_heads = config.num_attention_heads,
                                           .intermediate_size = config.intermediate_size,
                                           .activation = config.hidden_act,
                                           .layer_norm_eps = eps},
                                          compute));
  }
  if (source.contains("pooler.dense.weight")) {
    model.pooler_ = nn::Linear::load(source, "pooler.dense", config.hidden_size, config.hidden_size,
                                     nn::Compute::f32);
  }
  return model;
}

RaggedTensor BertModel::operator()(const RaggedTensor& token_ids, const Tensor& type_ids) const {
  const RaggedLayout& layout = token_ids.layout();
  if (layout.max_length() > config_.max_tokens()) {
    fail<LimitError>("BertModel: token_ids: expected at most ", config_.max_tokens(),
                     " tokens in a sequence, got ", layout.max_length());
  }
  const Tensor types =
      type_ids.num_elements() == 0 ? Tensor::zeros({layout.num_tokens()}, DType::i32) : type_ids;
  const Tensor positions = make_positions(layout, config_.position_offset);
  const std::array<ops::Lookup, 3> lookups = {
      {{&word_embeddings_, &token_ids.values(), "token_ids"},
       {&type_embeddings_, &types, "type_ids"},
       {&position_embeddings_, &positions, "positions"}}};
  Tensor embedded = embedding_norm_(ops::embedding_sum(lookups));
  if (compute_ == nn::Compute::bf16) embedded = embedded.to(DType::bf16);
  RaggedTensor hidden(std::move(embedded), layout);
  for (const nn::TransformerEncoderLayer& layer : layers_) hidden = layer(hidden);
  return hidden;
}

Tensor BertModel::pool(const RaggedTensor& hidden) const {
  if (!pooler_) fail<WeightError>("BertModel: pooler.dense.weight: the checkpoint has none");
  return (*pooler_)(ops::pool(hidden, Pooling::cls), {.activation = Activation::tanh});
}

}  // namespace nopad::models
