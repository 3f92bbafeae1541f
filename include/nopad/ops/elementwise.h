// Functions of one variable, element by element: exp, log, ..., and the activations.
#pragma once

#include "nopad/core/activation.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// For all of these:
// x      : [...] f32 or f64
// return : the shape and dtype of x. An f32 element has the same bits wherever it stands.
// Mask   : passes through (position-wise)
// Edge   : a NaN stays NaN and stays where it is; no elements give none
// Throws : DTypeError
// Grad   : x

// exp : f32 gives exactly 0 below -87.3
// log : -inf at 0, NaN below
Tensor exp(const Tensor& x);
RaggedTensor exp(const RaggedTensor& x);
Tensor log(const Tensor& x);
RaggedTensor log(const RaggedTensor& x);
// sqrt : the gradient at 0 is d / 0, as in PyTorch: infinite, and NaN where d is 0. Add a small
//        number first where x may be 0.
Tensor sqrt(const Tensor& x);
RaggedTensor sqrt(const RaggedTensor& x);
Tensor square(const Tensor& x);
RaggedTensor square(const RaggedTensor& x);
// abs : the gradient at 0 is 0
Tensor abs(const Tensor& x);
RaggedTensor abs(const RaggedTensor& x);

// The activation that a linear layer can end with, in the bits that it gives there; `none` is x.
Tensor activate(const Tensor& x, Activation activation);
RaggedTensor activate(const RaggedTensor& x, Activation activation);

// relu : the gradient at 0 is 0
Tensor relu(const Tensor& x);
RaggedTensor relu(const RaggedTensor& x);
// By erf, and by tanh as gelu_new and gelu_pytorch_tanh.
Tensor gelu(const Tensor& x);
RaggedTensor gelu(const RaggedTensor& x);
Tensor gelu_tanh(const Tensor& x);
RaggedTensor gelu_tanh(const RaggedTensor& x);
// x sigmoid(x), also called swish.
Tensor silu(const Tensor& x);
RaggedTensor silu(const RaggedTensor& x);
Tensor tanh(const Tensor& x);
RaggedTensor tanh(const RaggedTensor& x);
Tensor sigmoid(const Tensor& x);
RaggedTensor sigmoid(const RaggedTensor& x);
// log(1 + e^x)
Tensor softplus(const Tensor& x);
RaggedTensor softplus(const RaggedTensor& x);
// x, and slope * x below 0; the gradient at 0 is the slope. PyTorch's default is 0.01, Keras' 0.3.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
RaggedTensor leaky_relu(const RaggedTensor& x, double slope = 0.01);
// x, and alpha * (e^x - 1) below 0.
Tensor elu(const Tensor& x, double alpha = 1);
RaggedTensor elu(const RaggedTensor& x, double alpha = 1);

}  // namespace nopad::ops
