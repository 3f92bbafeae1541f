// electra: BERT with a word table of a width of its own, and without pooler.
#include "models/families/family.h"
#include "models/families/shared_keys.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxEmbedding = 65'536;

void read(const io::ConfigKeys& keys, EncoderConfig& config) {
  config.vocab_size = 30522;
  config.hidden_size = 256;
  config.num_heads = 4;
  config.intermediate_size = 1024;
  config.max_position_embeddings = 512;
  config.num_token_types = 2;
  read_sizes(keys, {}, 12, config);
  read_position_type(keys, config);
  read_max_positions(keys, config);
  config.embedding_size = 128;
  keys.read("embedding_size", {1, kMaxEmbedding}, config.embedding_size);
  config.projects_embeddings = config.embedding_size != config.hidden_size;
  read_token_types(keys, 1, config);
  read_eps(keys, "layer_norm_eps", config);
  keys.read("hidden_act", config.activation);
}

EncoderNames names(const EncoderConfig& config) {
  EncoderNames names = bert_family().names(config);
  names.embedding_projection = "embeddings_project";
  names.pooler.clear();
  return names;
}

}  // namespace

const Family& electra_family() {
  static const Family family{.model_types = {"electra"},
                             .prefixes = {"electra."},
                             .read = read,
                             .names = names,
                             .layer_names = bert_family().layer_names};
  return family;
}

}  // namespace nopad::models
