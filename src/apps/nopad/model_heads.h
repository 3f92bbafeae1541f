// ModelHeads: which heads a model directory holds, and the commands that run them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/encoder_config.h"
#include "nopad/models/weight_report.h"

namespace nopad::apps {

struct ModelHead {
  std::string_view task;                   // "token classification"
  std::vector<std::string_view> commands;  // that run it
  std::vector<models::ExpectedWeight> expected;
};

// The heads whose weights are all there or that config.json's "architectures" name.
std::vector<ModelHead> find_heads(const io::ModelConfig& config,
                                  const models::EncoderConfig& encoder,
                                  const WeightSource& weights);

}  // namespace nopad::apps
