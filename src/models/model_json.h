// Models of layers as JSON, and back.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "nopad/models/layer_registry.h"
#include "nopad/nn/layer.h"

namespace nopad::models {

// {"format": "nopad model", "version": 1, "dtype": "f32",
//  "layers": [{"kind": "Embedding", "config": {"vocab": 50, ...}},
//             {"kind": "LSTM", "config": {...}},
//             {"kind": "Sequential", "config": {"layers": [0, 1]}}],
//  "input": {"kind": "dense", "row": [null], "dtype": "i32"}}
// The last layer is the model. A layer names those inside it by their place, and they stand before
// it: so one that is used twice stands once, and no nesting is too deep for a parser. A Model is
// {"kind": "Model", "inputs": [{"name": "ids", "kind": "ragged", "row": [], "dtype": "i32"}, ...],
//  "calls": [{"layer": 0, "inputs": [[0, 0]]}, ...], "outputs": [[2, 0]]}
// where [2, 0] is the first output of the third among inputs and calls, an input over the tokens of
// an earlier one says so by "same_tokens": 0, and null is a size that differs from call to call.
// Only a model that is no Model has an "input".

inline constexpr std::string_view kModelFormat = "nopad model";
inline constexpr int64_t kModelVersion = 1;

// Throws OptionError: not a built model, or a layer that has no settings.
nlohmann::ordered_json write_model(const nn::Layer& model);

// The model, built, with weights that mean nothing yet.
// where  : the file's path, for messages
// Throws : FormatError, LimitError
std::shared_ptr<const nn::Layer> read_model(const nlohmann::json& description,
                                            std::string_view where, const LayerRegistry& registry);

}  // namespace nopad::models
