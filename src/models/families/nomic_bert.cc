// nomic_bert: rotary positions and a gated feed-forward network; two spellings of everything.
#include <algorithm>
#include <array>

#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxMultiple = 65'536;
constexpr int64_t kMaxTrained = 1'000'000;

constexpr std::array<io::Named<Activation>, 3> kGates = {
    {{"swiglu", Activation::silu}, {"geglu", Activation::gelu}, {"glu", Activation::sigmoid}}};

void set_defaults(EncoderConfig& config) {
  config.vocab_size = 30528;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 2048;
  config.num_token_types = 2;
  config.activation = Activation::silu;
  config.is_gated = true;
  config.attention_bias = config.up_bias = config.down_bias = false;
}

// transformers 5.
void read_current(const io::ConfigKeys& keys, EncoderConfig& config) {
  read_sizes(keys, {}, 12, config);
  read_max_positions(keys, config);
  read_head_size(keys, config);
  read_token_types(keys, 1, config);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
  use_rotary(keys, read_rotary_of_all(keys, 1000), config);
}

// What the model's own code could do and no checkpoint of this kind asks for.
void expect_known(const io::ConfigKeys& keys) {
  for (const char* const key :
       {"prenorm", "parallel_block", "use_rms_norm", "causal", "rotary_emb_interleaved",
        "scale_attn_by_inverse_layer_idx", "shared_embedding"}) {
    keys.expect_flag(key, false);
  }
  keys.expect_flag("scale_attn_weights", true);
  for (const char* const key : {"rotary_emb_scale_base", "num_experts", "moe_every_n_layers"}) {
    keys.expect_none(key);
  }
  double share = 0;  // of a head's elements
  keys.read("rotary_emb_fraction", -1, 1, share);
  if (share != 1) {
    fail<FormatError>(keys.where(), ": rotary_emb_fraction: expected 1, got ", share);
  }
}

// The word table has more rows than words, up to a multiple.
void pad_vocab(const io::ConfigKeys& keys, EncoderConfig& config) {
  int64_t multiple = 1;
  keys.read("pad_vocab_size_multiple", {1, kMaxMultiple}, multiple);
  config.vocab_size = (config.vocab_size + multiple - 1) / multiple * multiple;
}

void read_gate(const io::ConfigKeys& keys, EncoderConfig& config) {
  if (!keys.contains("activation_function")) {
    fail<FormatError>(keys.where(), ": activation_function: expected a gate, got nothing");
  }
  keys.read("activation_function", std::span<const io::Named<Activation>>(kGates),
            config.activation);
}

// The code that came with the model.
void read_original(const io::ConfigKeys& keys, EncoderConfig& config) {
  expect_known(keys);
  config.num_token_types = 0;
  config.layer_norm_eps = 1e-5;
  config.attention_bias = config.up_bias = config.down_bias = true;
  int64_t hidden_size = config.hidden_size;
  keys.read("n_embd", {1, kMaxMultiple}, hidden_size);
  config.intermediate_size = 4 * hidden_size;
  read_sizes(keys,
             {.hidden_size = "n_embd",
              .num_layers = "n_layer",
              .num_heads = "n_head",
              .intermediate_size = "n_inner"},
             12, config);
  pad_vocab(keys, config);
  read_max_positions(keys, config, "n_positions");
  // Beyond the lengths of its training the angles would depend on the longest text of a batch.
  if (keys.contains("rotary_scaling_factor")) {
    int64_t trained = 2048;
    keys.read("max_trained_positions", {1, kMaxTrained}, trained);
    config.max_position_embeddings = std::min(config.max_position_embeddings, trained);
  }
  read_token_types(keys, 0, config);
  read_eps(keys, "layer_norm_epsilon", config);
  read_gate(keys, config);
  keys.read("qkv_proj_bias", config.attention_bias);
  keys.read("mlp_fc1_bias", config.up_bias);
  keys.read("mlp_fc2_bias", config.down_bias);
  RotaryConfig rotary{.theta = 10'000};
  read_theta(keys, "rotary_emb_base", rotary.theta);
  use_rotary(keys, rotary, config);
}

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  set_defaults(config);
  keys.contains("n_embd") ? read_original(keys, config) : read_current(keys, config);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.word_embeddings",
          .token_types = "embeddings.token_type_embeddings",
          .embedding_norm = "embeddings.LayerNorm",
          .pooler = "pooler.dense"};
}

LayerNames layer_names(const EncoderConfig&, int64_t layer) {
  const std::string prefix = concat("layers.", layer, ".");
  return {{.query_key_value = {prefix + "self_attn.q_proj", prefix + "self_attn.k_proj",
                               prefix + "self_attn.v_proj"},
           .attention_output = prefix + "self_attn.o_proj",
           .attention_norm = prefix + "post_attention_layernorm",
           .up = {prefix + "mlp.gate_proj", prefix + "mlp.up_proj"},
           .down = prefix + "mlp.down_proj",
           .output_norm = prefix + "post_mlp_layernorm"},
          {}};
}

}  // namespace

const Family& nomic_bert_family() {
  static const Family family{
      .model_types = {"nomic_bert"},
      .prefixes = {"bert.", "nomic_bert."},
      .respellings = {{"encoder.layers.", {"layers."}},
                      {"emb_ln.", {"embeddings.LayerNorm."}},
                      {".attn.Wqkv.",
                       {".self_attn.q_proj.", ".self_attn.k_proj.", ".self_attn.v_proj."}},
                      {".attn.out_proj.", {".self_attn.o_proj."}},
                      {".mlp.fc11.", {".mlp.up_proj."}},
                      {".mlp.fc12.", {".mlp.gate_proj."}},
                      {".mlp.fc2.", {".mlp.down_proj."}},
                      {".norm1.", {".post_attention_layernorm."}},
                      {".norm2.", {".post_mlp_layernorm."}}},
      .read = read,
      .names = names,
      .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
