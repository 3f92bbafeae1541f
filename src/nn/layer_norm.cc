#include "nopad/nn/layer_norm.h"

namespace nopad::nn {

LayerNorm LayerNorm::load(const WeightSource& source, std::string_view prefix, int64_t width,
                          float eps) {
  const std::string bias = join(prefix, "bias");
  return LayerNorm({.gain = load_weight(source, join(prefix, "weight"), {width}),
                    .bias = source.contains(bias) ? load_weight(source, bias, {width}) : Tensor(),
                    .eps = eps});
}

}  // namespace nopad::nn
