#include "models/families/shared_keys.h"

#include <array>

#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr int64_t kMaxVocab = 4'000'000;
constexpr int64_t kMaxHidden = 65'536;
constexpr int64_t kMaxPositions = 1'000'000;
constexpr double kMaxTheta = 1e12;
constexpr double kMaxFactor = 1e6;
// Cosines and sines of all positions: no file's weights bound these, so this does (256 MiB).
constexpr int64_t kMaxRotaryElements = int64_t{1} << 26;

constexpr std::array<io::Named<Positions>, 3> kPositionTypes = {
    {{"absolute", Positions::absolute},
     {"relative_key", Positions::relative_key},
     {"relative_key_query", Positions::relative_key_query}}};

// "dynamic" stretches the angles of texts beyond the model's positions alone, which are refused.
constexpr std::array<io::Named<RotaryScaling>, 4> kScalings = {{{"default", RotaryScaling::none},
                                                                {"dynamic", RotaryScaling::none},
                                                                {"linear", RotaryScaling::linear},
                                                                {"ntk", RotaryScaling::ntk}}};

void expect_encoder(const io::ConfigKeys& keys) {
  keys.expect_flag("is_decoder", false);
  keys.expect_flag("is_encoder_decoder", false);
  keys.expect_flag("add_cross_attention", false);
  // Heads that were cut out leave weights of other shapes than the sizes say.
  keys.expect_none("pruned_heads");
}

}  // namespace

void read_sizes(const io::ConfigKeys& keys, const SizeKeys& names, int64_t num_layers,
                EncoderConfig& config) {
  expect_encoder(keys);
  keys.read("vocab_size", {1, kMaxVocab}, config.vocab_size);
  keys.read(names.hidden_size, {1, kMaxHidden}, config.hidden_size);
  keys.read(names.num_layers, {0, kMaxLayers}, num_layers);
  keys.read(names.num_heads, {1, kMaxHidden}, config.num_heads);
  if (config.hidden_size % config.num_heads != 0) {
    fail<FormatError>(keys.where(), ": ", names.num_heads, ": expected a divisor of ",
                      names.hidden_size, " (", config.hidden_size, "), got ", config.num_heads);
  }
  keys.read(names.intermediate_size, {1, 4 * kMaxHidden}, config.intermediate_size);
  keys.read("pad_token_id", {0, config.vocab_size - 1}, config.pad_token_id);
  config.embedding_size = config.hidden_size;
  config.head_size = config.hidden_size / config.num_heads;
  config.layers.resize(static_cast<size_t>(num_layers));
  for (int64_t i = 0; i < num_layers; ++i) config.layers[static_cast<size_t>(i)].weights = i;
}

void read_max_positions(const io::ConfigKeys& keys, EncoderConfig& config, std::string_view key) {
  keys.read(key, {config.position_offset + 1, kMaxPositions}, config.max_position_embeddings);
}

void read_eps(const io::ConfigKeys& keys, std::string_view key, EncoderConfig& config) {
  keys.read(key, 0, 1, config.layer_norm_eps);
}

void read_token_types(const io::ConfigKeys& keys, int64_t least, EncoderConfig& config) {
  keys.read("type_vocab_size", {least, kMaxVocab}, config.num_token_types);
}

void read_position_type(const io::ConfigKeys& keys, EncoderConfig& config) {
  keys.read("position_embedding_type", std::span<const io::Named<Positions>>(kPositionTypes),
            config.positions);
}

void read_theta(const io::ConfigKeys& keys, std::string_view key, double& theta) {
  keys.read(key, 0, kMaxTheta, theta);
}

RotaryConfig read_rotary(const std::optional<io::ConfigKeys>& parameters, double theta) {
  RotaryConfig rotary{.theta = theta};
  if (!parameters) return rotary;
  read_theta(*parameters, "rope_theta", rotary.theta);
  for (const char* const key : {"type", "rope_type"}) {
    parameters->read(key, std::span<const io::Named<RotaryScaling>>(kScalings), rotary.scaling);
  }
  if (rotary.scaling != RotaryScaling::none) {
    rotary.factor = 0;  // which is refused where the file has none
    parameters->read("factor", rotary.scaling == RotaryScaling::ntk ? 1 : 0, kMaxFactor,
                     rotary.factor);
  }
  if (rotary.scaling == RotaryScaling::ntk && parameters->contains("mixed_b")) {
    parameters->read("mixed_b", 0, 10, rotary.mixed_b.emplace(0));
  }
  double share = 1;  // of a head's elements
  parameters->read("partial_rotary_factor", 0, 1, share);
  if (share != 1) {
    fail<FormatError>(parameters->where(), ": partial_rotary_factor: expected 1, got ", share);
  }
  return rotary;
}

RotaryConfig read_rotary_of_all(const io::ConfigKeys& keys, double theta) {
  read_theta(keys, "rope_theta", theta);
  const auto scaling = keys.find_object("rope_scaling");
  return read_rotary(scaling ? scaling : keys.find_object("rope_parameters"), theta);
}

void read_head_size(const io::ConfigKeys& keys, EncoderConfig& config) {
  keys.read("head_dim", {1, kMaxHidden / config.num_heads}, config.head_size);
}

void use_rotary(const io::ConfigKeys& keys, const RotaryConfig& rotary, EncoderConfig& config) {
  if (config.head_size % 2 != 0) {
    fail<FormatError>(keys.where(), ": heads: expected an even size for rotary positions, got ",
                      config.head_size);
  }
  if (config.max_tokens() > kMaxRotaryElements / config.head_size) {
    fail<FormatError>(keys.where(), ": positions: expected at most ",
                      kMaxRotaryElements / config.head_size, " rotary ones for heads of ",
                      config.head_size, ", got ", config.max_tokens());
  }
  config.positions = Positions::rotary;
  for (EncoderConfig::Layer& layer : config.layers) layer.rotary = rotary;
}

}  // namespace nopad::models
