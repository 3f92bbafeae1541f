// EncoderConfig: all that decides what an encoder computes, whatever family it is of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/activation.h"
#include "nopad/io/model_config.h"

namespace nopad::models {

// How an encoder learns where its tokens stand: from a table of places that is added to the words,
// from terms that distances add to attention's scores (of queries and tables, of queries and keys
// and tables, of buckets of distances beside such a table of places), or from angles.
enum class Positions { absolute, relative_key, relative_key_query, bucketed, rotary };

// "absolute", "relative_key", ...
std::string_view to_string(Positions positions) noexcept;

// How rotary angles are stretched beyond the lengths that a model was trained on.
enum class RotaryScaling { none, linear, ntk };

struct RotaryConfig {
  double theta = 10000;
  RotaryScaling scaling = RotaryScaling::none;
  double factor = 1;                   // of the scaling
  std::optional<double> mixed_b = {};  // of ntk: how its frequencies share the factor
  friend bool operator==(const RotaryConfig&, const RotaryConfig&) = default;
};

// Made by encoder_config(); the defaults of a key that a file leaves out are its family's.
struct EncoderConfig {
  std::string model_type = {};    // "bert", ...
  int64_t vocab_size = 0;         // V
  int64_t embedding_size = 0;     // E; hidden_size unless the word table is factorised
  int64_t hidden_size = 0;        // D
  int64_t num_heads = 0;          // H; divides D
  int64_t head_size = 0;          // K; D / H unless the file says otherwise
  int64_t intermediate_size = 0;  // F
  int64_t num_token_types = 0;    // 0: there is no such table
  int64_t pad_token_id = 0;
  int64_t max_position_embeddings = 0;
  // Rows of the table of places that no token uses: 0, or pad_token_id + 1 in RoBERTa's family.
  int64_t position_offset = 0;
  Positions positions = Positions::absolute;
  int64_t num_buckets = 0;  // of Positions::bucketed: rows of its table
  // Whether the terms of relative_key(_query) are scaled as the products are; ALBERT's are not.
  bool scales_distances = true;
  Activation activation = Activation::gelu;
  bool is_gated = false;    // act(gate(x)) * up(x) where others have act(up(x))
  bool norm_first = false;  // norms before attention and feed-forward, and one after the last layer
  bool projects_embeddings = false;       // a linear layer from E to D, also where they are equal
  bool attention_bias = true;             // of its four projections
  bool up_bias = true, down_bias = true;  // of the feed-forward network
  bool norm_bias = true;
  double layer_norm_eps = 1e-12;

  struct Layer {
    int64_t weights = 0;  // which weights it uses; several layers may use the same ones
    bool has_attention_norm = true;
    std::optional<int64_t> window = {};  // the farthest that a token sees; none: the whole sequence
    std::optional<RotaryConfig> rotary = {};
  };
  std::vector<Layer> layers = {};
  int64_t layers_per_group = 1;  // ALBERT's inner layers, whose weights stand together

  // The longest sequence.
  int64_t max_tokens() const noexcept { return max_position_embeddings - position_offset; }
  // How many layers' weights a checkpoint holds.
  int64_t num_layer_weights() const noexcept;
};

// What a config.json says, in the spellings of transformers 3, 4 and 5 and, for nomic_bert and gte
// ("new"), of the code that came with those models.
// Throws FormatError: a model_type that is not known (the message lists those that are), a value of
//         the wrong type or out of range ("DIR/config.json: hidden_size: expected 1 to 65536, got
//         0"), or one that asks for a computation that is not known.
EncoderConfig encoder_config(const io::ModelConfig& config);

}  // namespace nopad::models
