#include "nopad/models/encoder_config.h"

#include <algorithm>

#include "io/config_keys.h"
#include "io/json.h"
#include "models/families/family.h"
#include "nopad/core/error.h"

namespace nopad::models {

std::string_view to_string(Positions positions) noexcept {
  switch (positions) {
    case Positions::absolute: return "absolute";
    case Positions::relative_key: return "relative_key";
    case Positions::relative_key_query: return "relative_key_query";
    case Positions::bucketed: return "bucketed";
    case Positions::rotary: return "rotary";
  }
  return "?";
}

int64_t EncoderConfig::num_layer_weights() const noexcept {
  int64_t count = 0;
  for (const Layer& layer : layers) count = std::max(count, layer.weights + 1);
  return count;
}

EncoderConfig encoder_config(const io::ModelConfig& config) {
  const io::ConfigKeys keys(config);
  const Family* const family = find_family(config.model_type());
  if (family == nullptr) {
    fail<FormatError>(keys.where(), ": model_type: expected ", known_model_types(), ", got ",
                      io::quote(config.model_type()));
  }
  EncoderConfig out;
  out.model_type = config.model_type();
  family->read(keys, out);
  return out;
}

}  // namespace nopad::models
