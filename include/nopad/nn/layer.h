// What layers have in common: what they do to a mask, and how they name their weights.
#pragma once

#include <string>
#include <string_view>

#include "nopad/core/tensor.h"
#include "nopad/core/weight_source.h"

namespace nopad::nn {

// Every layer says which of these it is, as `kMaskRule`.
// `passes`  : each token by itself; the layout goes through
// `mixes`   : tokens of a sequence meet, within the layout, which goes through
// `reduces` : one result per sequence; the layout ends here
enum class MaskRule { passes, mixes, reduces };

// What a layer computes in, chosen when its weights are loaded. bf16 needs matrix tiles.
enum class Compute { f32, bf16 };
DType dtype_of(Compute compute) noexcept;

// "encoder.layer.0" + "output" is "encoder.layer.0.output"; an empty prefix adds nothing.
std::string join(std::string_view prefix, std::string_view name);

}  // namespace nopad::nn
