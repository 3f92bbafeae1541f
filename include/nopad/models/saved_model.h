// save_model, load_model: models of layers as two files, config.json and model.safetensors.
#pragma once

#include <concepts>
#include <filesystem>
#include <memory>

#include "nopad/core/error.h"
#include "nopad/models/layer_registry.h"
#include "nopad/nn/layer.h"

namespace nopad::models {

// Writes the settings of all layers, how they are put together, what the model takes, and its
// weights. A layer that stands in several places is written once, and is one layer again when loaded.
// model     : a built nn::Sequential, or an nn::Model; put any other layer into one of them
// directory : is made if it is not there; other files in it stay
//             The two files belong together: a config.json that was changed by hand is refused.
// Edge      : whoever loads while this runs, or after it was killed, gets the new model or the one
//             that was there before
// Throws    : OptionError, not such a model, a frozen layer, or one without settings (a Lambda);
//             InputError, a name that is not UTF-8; FileError; LimitError
void save_model(const nn::Layer& model, const std::filesystem::path& directory);

// The model, in the form in which it was saved, out of training.
// registry : what its layers are looked up in
// Edge     : files are checked before they are believed: sizes, depth, that every layer uses only
//            those before it, and that weights are those that the layers want
// Throws   : FormatError, a malformed config.json, a kind that is not registered, settings that a
//            layer refuses; WeightError, weights that are missing, misshapen or unexpected;
//            FileError; LimitError, also where the weights that it asks for fit into no memory
std::shared_ptr<const nn::Layer> load_model(
    const std::filesystem::path& directory,
    const LayerRegistry& registry = LayerRegistry::standard());

// The same as what it is known to be: load_model_as<nn::Sequential>(directory).
// Throws FormatError: something else was saved there.
template <std::derived_from<nn::Layer> M>
M load_model_as(const std::filesystem::path& directory,
                const LayerRegistry& registry = LayerRegistry::standard()) {
  const std::shared_ptr<const nn::Layer> model = load_model(directory, registry);
  if (const auto* const wanted = dynamic_cast<const M*>(model.get())) return *wanted;
  fail<FormatError>(directory.string(), ": expected another model, got a ", model->kind());
}

}  // namespace nopad::models
