// bert, and what computes as it does under other places: roberta, xlm-roberta, camembert.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  const bool is_bert = config.model_type == "bert";
  config.vocab_size = config.model_type == "roberta" ? 50265 : 30522;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 512;
  config.num_token_types = 2;
  config.pad_token_id = is_bert ? 0 : 1;
  read_sizes(keys, {}, 12, config);
  read_position_type(keys, config);
  // Places count from behind the padding's, where a table of them is used.
  if (!is_bert && config.positions == Positions::absolute) {
    config.position_offset = config.pad_token_id + 1;
  }
  read_max_positions(keys, config);
  read_token_types(keys, 1, config);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.word_embeddings",
          .position_embeddings = "embeddings.position_embeddings",
          .token_types = "embeddings.token_type_embeddings",
          .embedding_norm = "embeddings.LayerNorm",
          .pooler = "pooler.dense"};
}

LayerNames layer_names(const EncoderConfig&, int64_t layer) {
  const std::string prefix = concat("encoder.layer.", layer, ".");
  return {{.query_key_value = {prefix + "attention.self.query", prefix + "attention.self.key",
                               prefix + "attention.self.value"},
           .attention_output = prefix + "attention.output.dense",
           .attention_norm = prefix + "attention.output.LayerNorm",
           .up = {prefix + "intermediate.dense"},
           .down = prefix + "output.dense",
           .output_norm = prefix + "output.LayerNorm"},
          prefix + "attention.self.distance_embedding"};
}

}  // namespace

const Family& bert_family() {
  static const Family family{.model_types = {"bert", "roberta", "xlm-roberta", "camembert"},
                             .prefixes = {"bert.", "roberta."},
                             .read = read,
                             .names = names,
                             .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
