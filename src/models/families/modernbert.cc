// modernbert: norms first, rotary positions, gated feed-forward, and windows in most layers.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxWindow = 1'000'000;

// Which layers look at the whole sequence: transformers 5 lists them, 4 counts them.
std::vector<bool> read_full_layers(const io::ConfigKeys& keys, size_t num_layers) {
  constexpr std::string_view kFull = "full_attention", kSliding = "sliding_attention";
  const auto types = keys.find_texts("layer_types");
  std::vector<bool> is_full(num_layers);
  if (!types) {
    int64_t every = 3;
    keys.read("global_attn_every_n_layers", {1, kMaxLayers}, every);
    for (size_t i = 0; i < num_layers; ++i) is_full[i] = i % static_cast<size_t>(every) == 0;
    return is_full;
  }
  if (types->size() != num_layers) {
    fail<FormatError>(keys.where(), ": layer_types: expected one for each of ", num_layers,
                      " layers, got ", types->size());
  }
  for (size_t i = 0; i < num_layers; ++i) {
    is_full[i] = (*types)[i] == kFull;
    if (!is_full[i] && (*types)[i] != kSliding) {
      fail<FormatError>(keys.where(), ": layer_types: expected ", kFull, " or ", kSliding, " at ",
                        i, ", got \"", (*types)[i], "\"");
    }
  }
  return is_full;
}

// rope_parameters of transformers 5 has an object for each kind of layer; 4 has a theta for each,
// and in windows that of the others where its own is null.
RotaryConfig read_rotary_of(const io::ConfigKeys& keys, bool is_full) {
  RotaryConfig full{.theta = 160'000}, sliding{.theta = 10'000};
  read_theta(keys, "global_rope_theta", full.theta);
  read_theta(keys, "local_rope_theta", sliding.theta);
  if (keys.is_null("local_rope_theta")) sliding.theta = full.theta;
  keys.expect_none("rope_scaling");
  const auto all = keys.find_object("rope_parameters");
  const double theta = is_full ? full.theta : sliding.theta;
  if (!all) return {.theta = theta};
  return read_rotary(all->find_object(is_full ? "full_attention" : "sliding_attention"), theta);
}

void read_layers(const io::ConfigKeys& keys, EncoderConfig& config) {
  int64_t window = 128;  // to both sides together
  keys.read("local_attention", {1, kMaxWindow}, window);
  const RotaryConfig full = read_rotary_of(keys, true), sliding = read_rotary_of(keys, false);
  const std::vector<bool> is_full = read_full_layers(keys, config.layers.size());
  use_rotary(keys, full, config);
  for (size_t i = 0; i < is_full.size(); ++i) {
    EncoderConfig::Layer& layer = config.layers[i];
    layer.has_attention_norm = i != 0;
    if (is_full[i]) continue;
    layer.window = window / 2;
    layer.rotary = sliding;
  }
}

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  config.vocab_size = 50368;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 1152;
  config.max_position_embeddings = 8192;
  config.pad_token_id = 50283;
  config.layer_norm_eps = 1e-5;
  config.norm_first = true;
  config.is_gated = true;
  config.norm_bias = config.attention_bias = config.up_bias = false;
  read_sizes(keys, {}, 22, config);
  read_max_positions(keys, config);
  read_layers(keys, config);
  read_eps(keys, "norm_eps", config);
  keys.read("norm_bias", config.norm_bias);
  keys.read("attention_bias", config.attention_bias);
  keys.read("mlp_bias", config.up_bias);
  config.down_bias = config.up_bias;
  keys.read("hidden_activation", config.activation);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.tok_embeddings",
          .embedding_norm = "embeddings.norm",
          .final_norm = "final_norm"};
}

LayerNames layer_names(const EncoderConfig& config, int64_t layer) {
  const std::string prefix = concat("layers.", layer, ".");
  const bool has_norm = config.layers[static_cast<size_t>(layer)].has_attention_norm;
  return {{.query_key_value = {prefix + "attn.Wqkv"},
           .attention_output = prefix + "attn.Wo",
           .attention_norm = has_norm ? prefix + "attn_norm" : "",
           .up = {prefix + "mlp.Wi"},  // the activated half comes first
           .down = prefix + "mlp.Wo",
           .output_norm = prefix + "mlp_norm"},
          {}};
}

}  // namespace

const Family& modernbert_family() {
  static const Family family{.model_types = {"modernbert"},
                             .prefixes = {"model."},
                             .read = read,
                             .names = names,
                             .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
