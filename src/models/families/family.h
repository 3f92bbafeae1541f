// Family: all that is particular about the encoders of one family.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/config_keys.h"
#include "nn/packed_encoder_layer.h"
#include "nopad/models/encoder_config.h"

namespace nopad::models {

// The layers that are there beside the encoder layers, by their prefixes; empty: there is none.
struct EncoderNames {
  std::string word_embeddings = {};
  std::string position_embeddings = {};
  std::string token_types = {};
  std::string embedding_norm = {};
  std::string embedding_projection = {};
  std::string bucket_table = {};  // of Positions::bucketed
  std::string final_norm = {};
  std::string pooler = {};
};

// The parts of one layer's weights.
struct LayerNames : nn::PackedEncoderLayer::Names {
  std::string distances = {};  // of Positions::relative_key(_query)
};

// How other code spells a part of the names. A tensor whose name stands for several parts is cut
// into as many equal blocks of rows.
struct Respelling {
  std::string_view stored;
  std::vector<std::string_view> names;
};

struct Family {
  std::vector<std::string_view> model_types;  // as config.json spells them
  std::vector<std::string_view> prefixes;     // what a head puts before the encoder's names
  std::vector<Respelling> respellings = {};
  // `config` holds the model type.
  void (*read)(const io::ConfigKeys& keys, EncoderConfig& config);
  EncoderNames (*names)(const EncoderConfig& config);
  LayerNames (*layer_names)(const EncoderConfig& config, int64_t weights);
};

// One for each file of this folder that defines one.
const Family& albert_family();
const Family& bert_family();
const Family& distilbert_family();
const Family& electra_family();
const Family& gte_family();
const Family& modernbert_family();
const Family& mpnet_family();
const Family& nomic_bert_family();

// The family of a model type, or null.
const Family* find_family(std::string_view model_type);
// "albert, bert, ... or new".
std::string known_model_types();

}  // namespace nopad::models
