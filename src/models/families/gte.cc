// gte, called "new" by the code that came with it: rotary positions, a gated feed-forward network.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

// What the model's own code could do and no checkpoint of this kind asks for.
void expect_known(const io::ConfigKeys& keys) {
  keys.expect_value("position_embedding_type", "rope");
  keys.expect_value("layer_norm_type", "layer_norm");
  keys.expect_flag("logn_attention_scale", false);
}

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  const bool is_original = config.model_type == "new";
  config.vocab_size = is_original ? 30528 : 250048;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = is_original ? 2048 : 8192;
  config.num_token_types = 1;
  config.pad_token_id = is_original ? 0 : 1;
  config.is_gated = true;
  config.up_bias = false;
  expect_known(keys);
  read_sizes(keys, {}, 12, config);
  read_head_size(keys, config);
  read_max_positions(keys, config);
  read_token_types(keys, 0, config);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
  use_rotary(keys, read_rotary_of_all(keys, is_original ? 10'000 : 160'000), config);
}

}  // namespace

const Family& gte_family() {
  static const Family family{
      .model_types = {"gte", "new"},
      .prefixes = {"gte.", "new."},
      .respellings = {{"encoder.layer.", {"layers."}},
                      {".attention.qkv_proj.",
                       {".self_attn.q_proj.", ".self_attn.k_proj.", ".self_attn.v_proj."}},
                      {".attention.q_proj.", {".self_attn.q_proj."}},
                      {".attention.k_proj.", {".self_attn.k_proj."}},
                      {".attention.v_proj.", {".self_attn.v_proj."}},
                      {".attention.o_proj.", {".self_attn.o_proj."}},
                      {".attn_ln.", {".post_attention_layernorm."}},
                      {".mlp.up_gate_proj.", {".mlp.up_proj.", ".mlp.gate_proj."}},
                      {".mlp_ln.", {".post_mlp_layernorm."}}},
      .read = read,
      .names = nomic_bert_family().names,
      .layer_names = nomic_bert_family().layer_names};
  return family;
}

}  // namespace nopad::models
