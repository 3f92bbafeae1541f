// mpnet: places as RoBERTa counts them, and in all layers a bias for each bucket of distances.
#include "models/families/family.h"
#include "models/families/shared_keys.h"
#include "models/position_tables.h"
#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxBuckets = 65'536;

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  config.vocab_size = 30527;
  config.hidden_size = 768;
  config.num_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 512;
  config.pad_token_id = 1;
  config.positions = Positions::bucketed;
  read_sizes(keys, {}, 12, config);
  config.position_offset = 2;  // whatever pad_token_id says
  read_max_positions(keys, config);
  // The key sizes the table; buckets are made for 32 whatever it says.
  config.num_buckets = kNumBuckets;
  keys.read("relative_attention_num_buckets", {kNumBuckets, kMaxBuckets}, config.num_buckets);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
}

EncoderNames names(const EncoderConfig&) {
  return {.word_embeddings = "embeddings.word_embeddings",
          .position_embeddings = "embeddings.position_embeddings",
          .embedding_norm = "embeddings.LayerNorm",
          .bucket_table = "encoder.relative_attention_bias",
          .pooler = "pooler.dense"};
}

LayerNames layer_names(const EncoderConfig&, int64_t layer) {
  const std::string prefix = concat("encoder.layer.", layer, ".");
  return {{.query_key_value = {prefix + "attention.attn.q", prefix + "attention.attn.k",
                               prefix + "attention.attn.v"},
           .attention_output = prefix + "attention.attn.o",
           .attention_norm = prefix + "attention.LayerNorm",
           .up = {prefix + "intermediate.dense"},
           .down = prefix + "output.dense",
           .output_norm = prefix + "output.LayerNorm"},
          {}};
}

}  // namespace

const Family& mpnet_family() {
  static const Family family{.model_types = {"mpnet"},
                             .prefixes = {"mpnet."},
                             .read = read,
                             .names = names,
                             .layer_names = layer_names};
  return family;
}

}  // namespace nopad::models
