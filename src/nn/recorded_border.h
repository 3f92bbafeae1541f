// The border to padded batches for layers inside a model, where gradients must find their way.
#pragma once

#include "nopad/ragged/tensor.h"

namespace nopad::nn {

// from_padded with a gradient: zeros in the padding.
// padded : [B, L, ...]   keep : [B, L] bool   return : [T, ...]
RaggedTensor take_tokens(const Tensor& padded, const Tensor& keep);

// to_padded with a gradient: what reaches the padding is dropped.
// x : [T, ...]   return : [B, L, ...], each token in its column
Tensor lay_out(const RaggedTensor& x, double fill);

}  // namespace nopad::nn
