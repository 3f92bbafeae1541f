#include "nopad/ops/rms_norm.h"

#include "ops/row_norm.h"

namespace nopad::ops {

Tensor rms_norm(const Tensor& x, const RmsNormWeights& weights) {
  const Tensor no_bias;
  return normalise_rows(x, {"rms_norm", weights.gain, no_bias, weights.eps, kernels::Centre::zero});
}

}  // namespace nopad::ops
