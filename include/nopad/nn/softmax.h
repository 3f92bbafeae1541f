// Softmax: a token's or row's scores as probabilities.
#pragma once

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// exp(x) over its sum along the last axis. What takes it over time instead is
// ops::softmax_over_tokens, which knows where sequences end.
// x      : [..., C] f32 or f64   return : its shape
// Mask   : passes through (position-wise)
// Edge   : a NaN stays in its row
class Softmax : public TokenLayer<Softmax> {
 public:
  Softmax() : TokenLayer("Softmax") {}

 protected:
  Tensor call(const Tensor& rows) const override;
};

}  // namespace nopad::nn
