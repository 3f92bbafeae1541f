// distilbert: BERT's layers under other names, without token types and pooler.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  config.vocab_size = 30522;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 512;
  config.layer_norm_eps = 1e-12;  // no key changes it
  read_sizes(keys,
             {.hidden_size = "dim",
              .num_layers = "n_layers",
              .num_heads = "n_heads",
              .intermediate_size = "hidden_dim"},
             6, config);
  read_max_positions(keys, config);
  keys.read("activation", config.activation);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.word_embeddings",
          .position_embeddings = "embeddings.position_embeddings",
          .embedding_norm = "embeddings.LayerNorm"};
}

LayerNames layer_names(const EncoderConfig&, int64_t layer) {
  const std::string prefix = concat("transformer.layer.", layer, ".");
  return {{.query_key_value = {prefix + "attention.q_lin", prefix + "attention.k_lin",
                               prefix + "attention.v_lin"},
           .attention_output = prefix + "attention.out_lin",
           .attention_norm = prefix + "sa_layer_norm",
           .up = {prefix + "ffn.lin1"},
           .down = prefix + "ffn.lin2",
           .output_norm = prefix + "output_layer_norm"},
          {}};
}

}  // namespace

const Family& distilbert_family() {
  static const Family family{.model_types = {"distilbert"},
                             .prefixes = {"distilbert."},
                             .read = read,
                             .names = names,
                             .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
