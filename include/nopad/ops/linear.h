// linear: a product with a weight, packed once for inference or as it is while it learns.
#pragma once

#include "nopad/core/activation.h"
#include "nopad/core/isa.h"
#include "nopad/core/tensor.h"
#include "nopad/ops/layer_norm.h"
#include "nopad/ragged/tensor.h"

namespace nopad::ops {

// A weight in the order in which one instruction set's kernels read it.
class PackedLinear {
 public:
  PackedLinear() = default;
  // Packs for the current execution's instruction set.
  // weight : [N, K] f32, rows are outputs, as checkpoints store them
  // bias   : [N] f32, or empty for none
  // dtype  : f32, or bf16 where the instruction set has matrix tiles: what x must be
  // Throws : ShapeError; DTypeError; OptionError, bf16 without matrix tiles
  PackedLinear(const Tensor& weight, Tensor bias, DType dtype);

  int64_t num_inputs() const noexcept { return num_inputs_; }    // K
  int64_t num_outputs() const noexcept { return num_outputs_; }  // N
  DType dtype() const noexcept { return packed_.dtype(); }
  Isa isa() const noexcept { return isa_; }
  const Tensor& bias() const noexcept { return bias_; }
  // The kernels' order; see src/kernels.
  const Tensor& packed() const noexcept { return packed_; }

 private:
  int64_t num_inputs_ = 0, num_outputs_ = 0;
  Isa isa_ = Isa::portable;
  Tensor packed_;
  Tensor bias_;
};

// Applied in this order, in registers or in cache: activation, residual, norm.
struct LinearEpilogue {
  Activation activation = Activation::none;
  const Tensor* residual = nullptr;  // [..., N], the dtype of x
  const LayerNormWeights* norm = nullptr;
};

// norm(activation(x weightᵀ + bias) + residual).
// x      : [..., K] f32 or bf16, as the weight is packed
// return : [..., N], the dtype of x; sums are f32
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows; a NaN stays in its row
// Throws : ShapeError; DTypeError; OptionError, packed for another instruction set, or an input
//          needs a gradient (the other form has one)
Tensor linear(const Tensor& x, const PackedLinear& weight, const LinearEpilogue& epilogue = {});

// x weightᵀ + bias, for weights that change: packs them on each call.
// x      : [..., K] f32 or f64
// weight : [N, K]   rows are outputs
// bias   : [N], or empty for none
// return : [..., N]
// Mask   : passes through (position-wise)
// Edge   : no rows give no rows and zero gradients; K = 0 gives the bias; a NaN stays in its row,
//          and a row whose gradient is zero gives nothing to that of the weight, NaN or not
// Throws : ShapeError; DTypeError, not all f32 or all f64
// Grad   : x, weight, bias; sums over rows run in their order on any number of threads
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
inline RaggedTensor linear(const RaggedTensor& x, const Tensor& weight, const Tensor& bias = {}) {
  return x.with_values(linear(x.values(), weight, bias));
}

}  // namespace nopad::ops
