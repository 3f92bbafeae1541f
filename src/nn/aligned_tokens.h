// What merging layers need: several values brought to one layout.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "nopad/nn/merge.h"

namespace nopad::nn {

// The rows of several inputs that belong together, under one index.
struct AlignedTokens {
  std::optional<RaggedLayout> layout;     // none where all inputs are dense
  std::vector<Tensor> values;             // of each input: [T, ...], or [B, ...]
  std::vector<int64_t> num_present = {};  // [T] how many inputs have the token; empty: all of them

  Value with(Tensor result) const;
};

// who    : what messages call the layer
// absent : what an input holds where it has no token
// Throws LayoutError: masks that can't be merged like this; ShapeError, ranks or rows that differ
AlignedTokens align_tokens(std::string_view who, const MergeConfig& config,
                           std::span<const Value> inputs, double absent);

}  // namespace nopad::nn
