#include "nopad/models/encoder.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "models/families/family.h"
#include "models/position_tables.h"
#include "nopad/core/error.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/ops/embedding.h"
#include "nopad/ops/pool.h"

namespace nopad::models {
namespace {

using nn::PackedEncoderLayer;

const Family& family_of(const EncoderConfig& config) {
  const Family* const family = find_family(config.model_type);
  if (family == nullptr) {
    fail<OptionError>("Encoder: model_type: expected ", known_model_types(), ", got ",
                      config.model_type);
  }
  return *family;
}

bool is_relative(Positions positions) {
  return positions == Positions::relative_key || positions == Positions::relative_key_query;
}

// Collects what is expected, leaving out what a family has no name for.
class Expected {
 public:
  void add(const std::string& name, const Shape& shape, bool is_required = true) {
    if (!name.empty()) out_.push_back({name, shape, is_required});
  }
  void add_linear(const std::string& name, int64_t inputs, int64_t outputs, bool has_bias = true,
                  bool is_required = true) {
    if (name.empty()) return;
    add(nn::join(name, "weight"), {outputs, inputs}, is_required);
    if (has_bias) add(nn::join(name, "bias"), {outputs}, is_required);
  }
  void add_table(const std::string& name, int64_t rows, int64_t width, bool is_required = true) {
    if (!name.empty()) add(nn::join(name, "weight"), {rows, width}, is_required);
  }
  void add_norm(const std::string& name, int64_t width, bool has_bias) {
    if (name.empty()) return;
    add(nn::join(name, "weight"), {width});
    if (has_bias) add(nn::join(name, "bias"), {width});
  }
  std::vector<ExpectedWeight> take() { return std::move(out_); }

 private:
  std::vector<ExpectedWeight> out_;
};

void add_layer(const EncoderConfig& config, const LayerNames& names, Expected& expected) {
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const int64_t attention = config.num_heads * config.head_size;
  for (const std::string& name : names.query_key_value) {
    expected.add_linear(name, hidden, 3 * attention / std::ssize(names.query_key_value),
                        config.attention_bias);
  }
  if (is_relative(config.positions)) {
    expected.add_table(names.distances, 2 * config.max_position_embeddings - 1, config.head_size);
  }
  expected.add_linear(names.attention_output, attention, hidden, config.attention_bias);
  expected.add_norm(names.attention_norm, hidden, config.norm_bias);
  for (const std::string& name : names.up) {
    const int64_t outputs = (config.is_gated ? 2 : 1) * inner / std::ssize(names.up);
    expected.add_linear(name, hidden, outputs, config.up_bias);
  }
  expected.add_linear(names.down, inner, hidden, config.down_bias);
  expected.add_norm(names.output_norm, hidden, config.norm_bias);
}

// Each token's place in its sequence, counted from `offset`.
Tensor make_places(const RaggedLayout& layout, int64_t offset) {
  Tensor places = Tensor::empty({layout.num_tokens()}, DType::i32);
  auto next = places.mutable_values<int32_t>().begin();
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) *next++ = static_cast<int32_t>(offset + i);
  }
  return places;
}

// Loads what the layers of one model share and what each has of its own.
class LayerLoader {
 public:
  LayerLoader(const EncoderConfig& config, const WeightSource& source, nn::Compute compute)
      : config_(config), family_(family_of(config)), source_(source), compute_(compute) {
    if (config.positions != Positions::bucketed) return;
    const Tensor table = source.load(nn::join(family_.names(config).bucket_table, "weight"));
    buckets_ = ops::RelativePositions::bias(spread_buckets(table, config.max_tokens()));
  }

  // layer : one that uses these weights
  PackedEncoderLayer load(const EncoderConfig::Layer& layer) {
    const LayerNames names = family_.layer_names(config_, layer.weights);
    return PackedEncoderLayer::load(source_, names,
                                    {.hidden = config_.hidden_size,
                                     .attention = config_.num_heads * config_.head_size,
                                     .intermediate = config_.intermediate_size,
                                     .layer_norm_eps = static_cast<float>(config_.layer_norm_eps)},
                                    {.num_heads = config_.num_heads,
                                     .activation = config_.activation,
                                     .norm_first = config_.norm_first,
                                     .is_gated = config_.is_gated,
                                     .rotary = rotary_of(layer),
                                     .relative_positions = relative_positions(names)},
                                    compute_);
  }

 private:
  std::optional<ops::RelativePositions> relative_positions(const LayerNames& names) const {
    if (!is_relative(config_.positions)) return buckets_;
    // Attention scales all terms; what is not to be scaled grows by as much before.
    const float growth =
        config_.scales_distances ? 1 : std::sqrt(static_cast<float>(config_.head_size));
    const Tensor table = reverse_rows(source_.load(nn::join(names.distances, "weight")), growth);
    return config_.positions == Positions::relative_key ? ops::RelativePositions::key(table)
                                                        : ops::RelativePositions::key_query(table);
  }

  // Layers with the same angles share a table.
  std::optional<ops::RotaryTable> rotary_of(const EncoderConfig::Layer& layer) {
    if (!layer.rotary) return std::nullopt;
    for (const auto& [config, table] : rotary_) {
      if (config == *layer.rotary) return table;
    }
    const std::vector<float> frequencies = inverse_frequencies(*layer.rotary, config_.head_size);
    rotary_.emplace_back(*layer.rotary, ops::RotaryTable(frequencies, config_.max_tokens()));
    return rotary_.back().second;
  }

  const EncoderConfig& config_;
  const Family& family_;
  const WeightSource& source_;
  nn::Compute compute_;
  std::optional<ops::RelativePositions> buckets_;
  std::vector<std::pair<RotaryConfig, ops::RotaryTable>> rotary_;
};

}  // namespace

struct Encoder::Content {
  EncoderConfig config;
  nn::Compute compute;
  Tensor word_embeddings, position_embeddings, token_types;  // empty: there is none
  nn::LayerNorm embedding_norm;
  std::optional<nn::Linear> embedding_projection;
  std::vector<PackedEncoderLayer> layers;  // by EncoderConfig::Layer::weights
  std::optional<nn::LayerNorm> final_norm;
  std::optional<nn::Linear> pooler;

  Content(const EncoderConfig& config_in, const WeightSource& source, nn::Compute compute_in)
      : config(config_in), compute(compute_in) {
    const EncoderNames names = family_of(config).names(config);
    load_embeddings(names, source);
    const int64_t hidden = config.hidden_size;
    if (!names.final_norm.empty()) final_norm = load_norm(source, names.final_norm, hidden);
    if (!names.pooler.empty() && source.contains(nn::join(names.pooler, "weight"))) {
      pooler = nn::Linear::load(source, names.pooler, hidden, hidden, nn::Compute::f32);
    }
    LayerLoader loader(config, source, compute);
    for (int64_t weights = 0; weights < config.num_layer_weights(); ++weights) {
      const auto user = std::ranges::find(config.layers, weights, &EncoderConfig::Layer::weights);
      layers.push_back(loader.load(
          user == config.layers.end() ? EncoderConfig::Layer{.weights = weights} : *user));
    }
  }

  void load_embeddings(const EncoderNames& names, const WeightSource& source) {
    const auto table = [&](const std::string& name) {
      return source.load(nn::join(name, "weight"));
    };
    word_embeddings = table(names.word_embeddings);
    if (config.num_token_types != 0) token_types = table(names.token_types);
    if (config.positions == Positions::absolute || config.positions == Positions::bucketed) {
      position_embeddings = table(names.position_embeddings);
    }
    embedding_norm = load_norm(source, names.embedding_norm, config.embedding_size);
    if (config.projects_embeddings) {
      embedding_projection = nn::Linear::load(source, names.embedding_projection,
                                              config.embedding_size, config.hidden_size, compute);
    }
  }

  nn::LayerNorm load_norm(const WeightSource& source, const std::string& name, int64_t width) {
    return nn::LayerNorm::load(source, name, width, static_cast<float>(config.layer_norm_eps));
  }

  Tensor embed(const RaggedTensor& token_ids, const Tensor& type_ids) const {
    const RaggedLayout& layout = token_ids.layout();
    std::vector<ops::Lookup> lookups = {{&word_embeddings, &token_ids.values(), "token_ids"}};
    Tensor types, places;
    if (token_types.num_elements() != 0) {
      types = type_ids.num_elements() == 0 ? Tensor::zeros({layout.num_tokens()}, DType::i32)
                                           : type_ids;
      lookups.push_back({&token_types, &types, "type_ids"});
    }
    if (position_embeddings.num_elements() != 0) {
      places = make_places(layout, config.position_offset);
      lookups.push_back({&position_embeddings, &places, "positions"});
    }
    Tensor embedded = embedding_norm(ops::embedding_sum(lookups));
    if (compute == nn::Compute::bf16) embedded = embedded.to(DType::bf16);
    return embedding_projection ? (*embedding_projection)(embedded) : embedded;
  }
};

std::vector<ExpectedWeight> Encoder::expected_weights(const EncoderConfig& config) {
  const Family& family = family_of(config);
  const EncoderNames names = family.names(config);
  const bool uses_places =
      config.positions == Positions::absolute || config.positions == Positions::bucketed;
  Expected expected;
  expected.add_table(names.word_embeddings, config.vocab_size, config.embedding_size);
  // A table of places lies in the file also where attention's distances stand for it.
  expected.add_table(names.position_embeddings, config.max_position_embeddings,
                     config.embedding_size, uses_places);
  if (config.num_token_types != 0) {
    expected.add_table(names.token_types, config.num_token_types, config.embedding_size);
  }
  expected.add_norm(names.embedding_norm, config.embedding_size, config.norm_bias);
  if (config.projects_embeddings) {
    expected.add_linear(names.embedding_projection, config.embedding_size, config.hidden_size);
  }
  expected.add_table(names.bucket_table, config.num_buckets, config.num_heads);
  for (int64_t weights = 0; weights < config.num_layer_weights(); ++weights) {
    add_layer(config, family.layer_names(config, weights), expected);
  }
  expected.add_norm(names.final_norm, config.hidden_size, config.norm_bias);
  expected.add_linear(names.pooler, config.hidden_size, config.hidden_size, true, false);
  return expected.take();
}

Encoder Encoder::load(const EncoderConfig& config, const WeightSource& source,
                      nn::Compute compute) {
  expect_loadable(source, expected_weights(config));
  return Encoder(std::make_shared<const Content>(config, source, compute));
}

const EncoderConfig& Encoder::config() const noexcept { return content_->config; }
const Tensor& Encoder::word_embeddings() const noexcept { return content_->word_embeddings; }
bool Encoder::has_pooler() const noexcept { return content_->pooler.has_value(); }

RaggedTensor Encoder::operator()(const RaggedTensor& token_ids, const Tensor& type_ids) const {
  const Content& model = *content_;
  const RaggedLayout& layout = token_ids.layout();
  if (layout.max_length() > model.config.max_tokens()) {
    fail<LimitError>("Encoder: token_ids: expected at most ", model.config.max_tokens(),
                     " tokens in a sequence, got ", layout.max_length());
  }
  RaggedTensor hidden(model.embed(token_ids, type_ids), layout);
  for (const EncoderConfig::Layer& layer : model.config.layers) {
    const auto pattern = layer.window ? AttentionPattern::window(*layer.window, *layer.window)
                                      : AttentionPattern::full();
    hidden = model.layers[static_cast<size_t>(layer.weights)](hidden, pattern);
  }
  return model.final_norm ? (*model.final_norm)(hidden) : hidden;
}

Tensor Encoder::pool(const RaggedTensor& hidden) const {
  if (!content_->pooler) fail<WeightError>("Encoder: pooler: the checkpoint has none");
  return (*content_->pooler)(ops::pool(hidden, Pooling::cls), {.activation = Activation::tanh});
}

}  // namespace nopad::models
