// Checkpoints: the weights of a model directory, in one file or in shards, by the names of today.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "nopad/core/weight_source.h"

namespace nopad::io {

// The weights in `directory`, from the first of these that is there: model.safetensors, the shards
// of model.safetensors.index.json, pytorch_model.bin (zip archive or the older stream of pickles),
// the shards of pytorch_model.bin.index.json.
// Old names are mapped: a name that ends in LayerNorm.gamma or LayerNorm.beta is asked for as
// LayerNorm.weight or LayerNorm.bias.
// An index names files of the same directory only (or links into a Hugging Face cache's blobs), and
// its shards must hold exactly the tensors that it says.
// Throws FileError: no such weights (only tf_model.h5, say), or they can't be read; FormatError,
// LimitError: see SafetensorsFile and TorchFile.
std::shared_ptr<const WeightSource> open_checkpoint(const std::filesystem::path& directory);

// The same weights, where a name that begins with `prefix` is asked for without it; all others stay
// as they are. So a model asks for "embeddings.word_embeddings.weight" whether the file was written
// by itself or under a head ("bert.embeddings...").
// Throws WeightError: a name is there both with and without the prefix.
std::shared_ptr<const WeightSource> without_prefix(std::shared_ptr<const WeightSource> source,
                                                   std::string_view prefix);

}  // namespace nopad::io
