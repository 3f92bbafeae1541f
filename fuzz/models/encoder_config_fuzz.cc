// Any bytes as a config.json: an error, or an encoder of sizes within the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/models/encoder.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void read(std::string_view text) {
  using namespace nopad::models;
  const EncoderConfig config = encoder_config(nopad::io::ModelConfig::parse(text, "config.json"));
  expect(config.hidden_size % config.num_heads == 0 && config.hidden_size <= 65536);
  expect(config.head_size >= 1 && config.num_heads * config.head_size <= 65536);
  expect(config.max_tokens() >= 1 && config.pad_token_id < config.vocab_size);
  expect(config.layers.size() <= 1024 && config.num_layer_weights() <= 1024);
  for (const EncoderConfig::Layer& layer : config.layers) {
    expect(layer.weights >= 0 && layer.window.value_or(0) >= 0);
    expect(layer.rotary.has_value() == (config.positions == Positions::rotary));
    expect(!layer.rotary || (layer.rotary->theta > 0 && layer.rotary->factor > 0));
  }
  expect(!Encoder::expected_weights(config).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    read({reinterpret_cast<const char*>(data), size});
  } catch (const nopad::Error&) {  // what a malformed file gives; anything else is a bug
  }
  return 0;
}
