// Depthwise convolutions: one kernel per channel, which no matrix product serves.
#pragma once

#include "nopad/core/tensor.h"
#include "ops/convolution.h"

namespace nopad::ops {

// x : [T, C]   weight : [C, 1, K]   bias : [C], or empty   return : [T', C]. T is float or double.
template <class T>
Tensor depthwise(const Convolution& conv, const Tensor& x, const Tensor& weight,
                 const Tensor& bias);
template <class T>
Tensor depthwise_gradient_of_x(const Convolution& conv, const Tensor& weight, const Tensor& d_out);
template <class T>
Tensor depthwise_gradient_of_weight(const Convolution& conv, const Tensor& x, const Tensor& d_out);

}  // namespace nopad::ops
