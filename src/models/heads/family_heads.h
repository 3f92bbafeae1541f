// What the heads of each family are called, and what they compute: the specs that HeadLayers loads.
#pragma once

#include <string>
#include <vector>

#include "models/heads/head_layers.h"
#include "nopad/core/pooling.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"

namespace nopad::models {

// All throw FormatError: a family without such a head, or a config that can't be read. Where names
// or sizes differ between files, they are those of `source`.
HeadSpec masked_lm_spec(const io::ModelConfig& config, const WeightSource& source);
bool has_next_sentence_head(const io::ModelConfig& config);
HeadSpec next_sentence_spec(const io::ModelConfig& config);
HeadSpec sequence_classifier_spec(const io::ModelConfig& config, const WeightSource& source);
HeadSpec token_classifier_spec(const io::ModelConfig& config, const WeightSource& source);
HeadSpec question_answering_spec(const io::ModelConfig& config);

// Which row of a sequence its classifier reads.
Pooling classifier_pooling(const io::ModelConfig& config);

// The names of a head's classes; LABEL_0, LABEL_1, ... where the config has none.
// Throws FormatError: the config has another number of them.
std::vector<std::string> head_labels(const io::ModelConfig& config, const HeadSpec& spec);

}  // namespace nopad::models
