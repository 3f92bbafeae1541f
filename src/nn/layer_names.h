// Names for the layers of a model, which their weights are saved under.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nopad/nn/layer.h"

namespace nopad::nn {

// "dense", "dense_2", "layer_norm": the kind in snake_case, numbered from the second on. Copies of
// one layer have one name.
std::vector<std::string> name_layers(std::span<const std::shared_ptr<const Layer>> layers);

}  // namespace nopad::nn
