#include "nopad/nn/softmax.h"

#include "nopad/core/error.h"
#include "nopad/ops/softmax.h"

namespace nopad::nn {

Tensor Softmax::call(const Tensor& rows) const {
  // The only axis of [T] and [B] is that of the rows.
  if (rows.rank() < 2) {
    fail<ShapeError>("Softmax: input: expected rows of scores, [..., C], got ", rows.shape());
  }
  return ops::softmax(rows);
}

}  // namespace nopad::nn
