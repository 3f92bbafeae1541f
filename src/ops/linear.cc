#include "nopad/ops/linear.h"

#include <algorithm>
#include <array>

#include "kernels/gemm.h"
#include "kernels/gemm_bf16.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/broadcast.h"
#include "ops/dispatch_float.h"
#include "ops/gemm.h"
#include "ops/row_norm.h"

namespace nopad::ops {
namespace {

template <class Kernel, class T>
Tensor pack(const Kernel& kernel, const Tensor& weight, int64_t num_elements) {
  Tensor packed = Tensor::empty({num_elements}, dtype_of<T>);
  const float* const w = weight.values<float>().data();
  T* const out = packed.mutable_values<T>().data();
  auto panels = [&](int64_t begin, int64_t end) {
    kernel.pack(w, weight.dim(0), weight.dim(1), {begin, end}, out);
  };
  current_execution().threads().parallel_for(num_panels(weight.dim(0), kernel.panel_width), 1,
                                             panels);
  return packed;
}

// The norm of rows [begin, end) of c, where one is asked for.
template <class T>
auto norm_rows(const LayerNormWeights* norm, T* c) {
  return [norm, c, isa = current_execution().isa()](int64_t begin, int64_t end) {
    if (norm != nullptr) normalise_rows<T>(isa, c, c, row_norm_of(*norm), begin, end);
  };
}

void expect_operands(const Tensor& x, const PackedLinear& weight, const LinearEpilogue& epilogue,
                     const Shape& out) {
  if (weight.isa() != current_execution().isa()) {
    fail<OptionError>("linear: weight: expected it packed for ", current_execution().isa(),
                      ", got ", weight.isa());
  }
  if (x.dtype() != weight.dtype()) {
    fail<DTypeError>("linear: x: expected ", weight.dtype(), " as the weight is packed, got ",
                     x.dtype());
  }
  if (epilogue.residual != nullptr) {
    if (epilogue.residual->shape() != out) {
      fail<ShapeError>("linear: residual: expected ", out, ", got ", epilogue.residual->shape());
    }
    if (epilogue.residual->dtype() != x.dtype()) {
      fail<DTypeError>("linear: residual: expected ", x.dtype(), ", got ",
                       epilogue.residual->dtype());
    }
    autograd::expect_no_grad("linear", {epilogue.residual});
  }
  if (epilogue.norm != nullptr) {
    expect_norm_weights(row_norm_of(*epilogue.norm), weight.num_outputs(), x.dtype());
    autograd::expect_no_grad("linear", {&epilogue.norm->gain, &epilogue.norm->bias});
  }
  autograd::expect_no_grad("linear", {&x, &weight.bias()});
}

Shape output_shape(const Tensor& x, int64_t num_inputs, int64_t num_outputs) {
  if (x.rank() == 0 || x.dim(-1) != num_inputs) {
    fail<ShapeError>("linear: x: expected [..., ", num_inputs, "], got ", x.shape());
  }
  std::array<int64_t, Shape::kMaxRank> dims{};
  std::ranges::copy(x.shape().dims(), dims.begin());
  const auto rank = static_cast<size_t>(x.rank());
  dims[rank - 1] = num_outputs;
  return Shape(std::span<const int64_t>(dims.data(), rank));
}

template <class Problem, class T>
Problem make_problem(const Tensor& x, const PackedLinear& weight, const LinearEpilogue& epilogue,
                     T* c) {
  Problem problem;
  problem.m = x.num_elements() / weight.num_inputs();
  problem.n = weight.num_outputs();
  problem.k = weight.num_inputs();
  problem.a = x.values<T>().data();
  problem.a_stride = problem.k;
  problem.packed = weight.packed().values<T>().data();
  problem.c = c;
  problem.c_stride = problem.n;
  problem.bias = weight.bias().num_elements() == 0 ? nullptr : weight.bias().values<float>().data();
  problem.activation = epilogue.activation;
  if (epilogue.residual != nullptr) problem.residual = epilogue.residual->values<T>().data();
  problem.residual_stride = problem.n;
  return problem;
}

// The trainable form: x [rows, K], weight [N, K], d_y [rows, N].
struct Sizes {
  int64_t rows, inputs, outputs;
};

Sizes expect_trainable(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.rank() != 2) {
    fail<ShapeError>("linear: weight: expected [outputs, inputs], got ", weight.shape());
  }
  const Shape out = output_shape(x, weight.dim(1), weight.dim(0));
  if (bias.num_elements() != 0 && bias.shape() != Shape{weight.dim(0)}) {
    fail<ShapeError>("linear: bias: expected ", Shape{weight.dim(0)}, ", got ", bias.shape());
  }
  if (weight.dtype() != x.dtype()) {
    fail<DTypeError>("linear: weight: expected ", x.dtype(), " as x, got ", weight.dtype());
  }
  if (bias.num_elements() != 0 && bias.dtype() != x.dtype()) {
    fail<DTypeError>("linear: bias: expected ", x.dtype(), " as x, got ", bias.dtype());
  }
  const auto leading = out.dims().first(out.dims().size() - 1);
  return {Shape(leading).num_elements(), weight.dim(1), weight.dim(0)};
}

template <class T>
Tensor linear_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, Sizes sizes) {
  Tensor y = Tensor::empty(output_shape(x, sizes.inputs, sizes.outputs), x.dtype());
  multiply<T>({.m = sizes.rows,
               .n = sizes.outputs,
               .k = sizes.inputs,
               .a = x.values<T>().data(),
               .b = weight.values<T>().data(),
               .transpose_b = true,
               .bias = bias.num_elements() == 0 ? nullptr : bias.values<T>().data(),
               .c = y.mutable_values<T>().data()});
  return y;
}

template <class T>
Tensor input_gradient(const Tensor& d_y, const Tensor& weight, const Shape& x, Sizes sizes) {
  Tensor d_x = Tensor::empty(x, d_y.dtype());
  multiply<T>({.m = sizes.rows,
               .n = sizes.inputs,
               .k = sizes.outputs,
               .a = d_y.values<T>().data(),
               .b = weight.values<T>().data(),
               .c = d_x.mutable_values<T>().data()});
  return d_x;
}

template <class T>
Tensor weight_gradient(const Tensor& d_y, const Tensor& x, Sizes sizes) {
  Tensor d_weight = Tensor::empty({sizes.outputs, sizes.inputs}, d_y.dtype());
  sum_over_rows<T>({.num_rows = sizes.rows, .m = sizes.outputs, .n = sizes.inputs},
                   d_y.values<T>().data(), x.values<T>().data(), Gradient::left,
                   d_weight.mutable_values<T>().data());
  return d_weight;
}

// Keeps x only for a weight that learns, and the weight only for an x that needs a gradient.
template <class T>
void record_linear(Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   Sizes sizes) {
  const bool has_bias_grad = autograd::needs_grad(bias);
  const Tensor saved_x = autograd::needs_grad(weight) ? autograd::detach(x) : Tensor();
  const Tensor saved_weight = autograd::needs_grad(x) ? autograd::detach(weight) : Tensor();
  const bool needs_x = autograd::needs_grad(x), needs_weight = autograd::needs_grad(weight);
  autograd::record(y, "linear", {x, weight, bias}, [=, shape = x.shape()](const Tensor& d_y) {
    return std::vector{needs_x ? input_gradient<T>(d_y, saved_weight, shape, sizes) : Tensor(),
                       needs_weight ? weight_gradient<T>(d_y, saved_x, sizes) : Tensor(),
                       has_bias_grad ? sum_to_shape(d_y, Shape{sizes.outputs}) : Tensor()};
  });
}

}  // namespace

PackedLinear::PackedLinear(const Tensor& weight, Tensor bias, DType dtype)
    : isa_(current_execution().isa()), bias_(std::move(bias)) {
  if (weight.rank() != 2 || weight.dim(0) == 0 || weight.dim(1) == 0) {
    fail<ShapeError>("PackedLinear: weight: expected [outputs, inputs], got ", weight.shape());
  }
  num_outputs_ = weight.dim(0);
  num_inputs_ = weight.dim(1);
  if (bias_.num_elements() != 0 && bias_.shape() != Shape{num_outputs_}) {
    fail<ShapeError>("PackedLinear: bias: expected ", Shape{num_outputs_}, ", got ", bias_.shape());
  }
  if (dtype == DType::f32) {
    const kernels::GemmF32& kernel = kernels::gemm_f32(isa_);
    const int64_t width = kernel.panel_width;
    packed_ = pack<kernels::GemmF32, float>(kernel, weight,
                                            num_panels(num_outputs_, width) * width * num_inputs_);
  } else if (dtype == DType::bf16) {
    if (!has_tiles(isa_)) {
      fail<OptionError>("PackedLinear: dtype: bf16 needs matrix tiles, which ", isa_,
                        " has not; take f32, or amx-emulated to try bf16's results slowly");
    }
    const kernels::GemmBf16& kernel = kernels::gemm_bf16(isa_);
    packed_ = pack<kernels::GemmBf16, BFloat16>(kernel, weight,
                                                kernel.packed_elements(num_outputs_, num_inputs_));
  } else {
    fail<DTypeError>("PackedLinear: dtype: expected f32 or bf16, got ", dtype);
  }
}

Tensor linear(const Tensor& x, const PackedLinear& weight, const LinearEpilogue& epilogue) {
  const Shape shape = output_shape(x, weight.num_inputs(), weight.num_outputs());
  expect_operands(x, weight, epilogue, shape);
  Tensor out = Tensor::empty(shape, x.dtype());
  if (out.num_elements() == 0) return out;
  if (x.dtype() == DType::f32) {
    float* const c = out.mutable_values<float>().data();
    run_product(kernels::gemm_f32(weight.isa()),
                make_problem<kernels::GemmF32Problem>(x, weight, epilogue, c),
                norm_rows(epilogue.norm, c));
  } else {
    BFloat16* const c = out.mutable_values<BFloat16>().data();
    run_product(kernels::gemm_bf16(weight.isa()),
                make_problem<kernels::GemmBf16Problem>(x, weight, epilogue, c),
                norm_rows(epilogue.norm, c));
  }
  return out;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return dispatch_float("linear", "x", x, [&]<class T>(T) {
    const Sizes sizes = expect_trainable(x, weight, bias);
    Tensor y = linear_forward<T>(x, weight, bias, sizes);
    if (autograd::should_record({&x, &weight, &bias})) record_linear<T>(y, x, weight, bias, sizes);
    return y;
  });
}

}  // namespace nopad::ops
