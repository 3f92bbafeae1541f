// The weights of one level of a recurrent layer: as they begin, and as PyTorch and Keras keep them.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/core/weight_source.h"
#include "nopad/nn/recurrent.h"

namespace nopad::nn {

// As the ops take them, all directions together: [N G U, inputs], [G U, U] or [2, G U, U], [N G U],
// and [G U] or [2, G U]. A bias that the cell or the settings do without is Tensor().
struct RecurrentWeights {
  Tensor weight, recurrent_weight;
  Tensor bias = {}, recurrent_bias = {};
};

RecurrentWeights draw_weights(const RecurrentCell& cell, const RecurrentConfig& config,
                              int64_t num_inputs);
// Throws WeightError: one is missing, misshapen, or a bias without use_bias.
RecurrentWeights read_pytorch(const RecurrentCell& cell, const RecurrentConfig& config,
                              const WeightSource& source, std::string_view prefix, size_t level);
RecurrentWeights read_keras(const RecurrentCell& cell, const RecurrentConfig& config,
                            const WeightSource& source, std::string_view prefix);

}  // namespace nopad::nn
