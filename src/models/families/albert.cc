// albert: a factorised word table, and layers that share their weights in groups.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxEmbedding = 65'536;

// Each layer runs all inner layers of its group. Groups are shared out in double precision, as the
// original does: for some numbers of layers and groups a quotient of integers is another one.
void make_layers(const io::ConfigKeys& keys, EncoderConfig& config) {
  const auto num_layers = static_cast<int64_t>(config.layers.size());
  int64_t num_groups = 1, num_inner = 1;
  keys.read("num_hidden_groups", {1, kMaxLayers}, num_groups);
  keys.read("inner_group_num", {1, kMaxLayers}, num_inner);
  if (num_layers * num_inner > kMaxLayers || num_groups * num_inner > kMaxLayers) {
    fail<FormatError>(keys.where(), ": inner_group_num: expected at most ", kMaxLayers,
                      " layers in all, got ", num_layers, " layers and ", num_groups, " groups of ",
                      num_inner);
  }
  config.layers_per_group = num_inner;
  config.layers.clear();
  for (int64_t i = 0; i < num_layers; ++i) {
    const double layers_each = static_cast<double>(num_layers) / static_cast<double>(num_groups);
    const auto group = static_cast<int64_t>(static_cast<double>(i) / layers_each);
    for (int64_t k = 0; k < num_inner; ++k) {
      config.layers.push_back({.weights = group * num_inner + k});
    }
  }
}

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  config.vocab_size = 30000;
  config.hidden_size = 4096;
  config.num_heads = 64;
  config.intermediate_size = 16384;
  config.max_position_embeddings = 512;
  config.num_token_types = 2;
  config.activation = Activation::gelu_tanh;
  read_sizes(keys, {}, 12, config);
  read_position_type(keys, config);
  read_max_positions(keys, config);
  make_layers(keys, config);
  config.embedding_size = 128;
  keys.read("embedding_size", {1, kMaxEmbedding}, config.embedding_size);
  config.scales_distances = false;
  config.projects_embeddings = true;  // also where the sizes are equal
  read_token_types(keys, 1, config);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.word_embeddings",
          .position_embeddings = "embeddings.position_embeddings",
          .token_types = "embeddings.token_type_embeddings",
          .embedding_norm = "embeddings.LayerNorm",
          .embedding_projection = "encoder.embedding_hidden_mapping_in",
          .pooler = "pooler"};
}

LayerNames layer_names(const EncoderConfig& config, int64_t weights) {
  const std::string prefix =
      concat("encoder.albert_layer_groups.", weights / config.layers_per_group, ".albert_layers.",
             weights % config.layers_per_group, ".");
  return {{.query_key_value = {prefix + "attention.query", prefix + "attention.key",
                               prefix + "attention.value"},
           .attention_output = prefix + "attention.dense",
           .attention_norm = prefix + "attention.LayerNorm",
           .up = {prefix + "ffn"},
           .down = prefix + "ffn_output",
           .output_norm = prefix + "full_layer_layer_norm"},
          prefix + "attention.distance_embedding"};
}

}  // namespace

const Family& albert_family() {
  static const Family family{.model_types = {"albert"},
                             .prefixes = {"albert."},
                             .read = read,
                             .names = names,
                             .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
