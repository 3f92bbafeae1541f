// The keys of config.json that several families of encoders share.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/config_keys.h"
#include "nopad/models/encoder_config.h"

namespace nopad::models {

// What a family calls its sizes.
struct SizeKeys {
  std::string_view hidden_size = "hidden_size";
  std::string_view num_layers = "num_hidden_layers";
  std::string_view num_heads = "num_attention_heads";
  std::string_view intermediate_size = "intermediate_size";
};

inline constexpr int64_t kMaxLayers = 1024;

// Reads the sizes over the family's defaults, makes the layers, and refuses what no encoder here
// computes: decoders, cross-attention, heads that were cut out.
// num_layers : its default
void read_sizes(const io::ConfigKeys& keys, const SizeKeys& names, int64_t num_layers,
                EncoderConfig& config);
// max_position_embeddings, or what the family calls it: more than position_offset.
void read_max_positions(const io::ConfigKeys& keys, EncoderConfig& config,
                        std::string_view key = "max_position_embeddings");
// layer_norm_eps, or what the family calls it.
void read_eps(const io::ConfigKeys& keys, std::string_view key, EncoderConfig& config);
// type_vocab_size, at least `least`.
void read_token_types(const io::ConfigKeys& keys, int64_t least, EncoderConfig& config);
// position_embedding_type of transformers 3 and 4: absolute, or distances that attention knows.
void read_position_type(const io::ConfigKeys& keys, EncoderConfig& config);

// Above 0, over its default.
void read_theta(const io::ConfigKeys& keys, std::string_view key, double& theta);
// The angles of rope_parameters (transformers 5) or rope_scaling and rope_theta, all optional.
// `parameters` : the object that holds them; none: all that is there is `theta`
// theta        : what holds where the object has no rope_theta
RotaryConfig read_rotary(const std::optional<io::ConfigKeys>& parameters, double theta);
// Whichever of the two spellings `keys` have, over all layers. `theta` is the family's default.
RotaryConfig read_rotary_of_all(const io::ConfigKeys& keys, double theta);
// head_dim: heads whose widths need not add up to the hidden size.
void read_head_size(const io::ConfigKeys& keys, EncoderConfig& config);
// Every layer turns its queries and keys by these angles.
// Throws FormatError: heads of an odd size, or so many positions that their angles would not fit.
void use_rotary(const io::ConfigKeys& keys, const RotaryConfig& rotary, EncoderConfig& config);

}  // namespace nopad::models
