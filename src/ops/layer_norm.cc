#include "nopad/ops/layer_norm.h"

#include "ops/row_norm.h"

namespace nopad::ops {

Tensor layer_norm(const Tensor& x, const LayerNormWeights& weights) {
  return normalise_rows(x, row_norm_of(weights));
}

}  // namespace nopad::ops
