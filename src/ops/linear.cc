#include "nopad/ops/linear.h"

#include <algorithm>
#include <array>

#include "kernels/gemm.h"
#include "kernels/gemm_bf16.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/layer_norm_rows.h"

namespace nopad::ops {
namespace {

int64_t num_panels(int64_t outputs, int64_t panel_width) {
  return (outputs + panel_width - 1) / panel_width;
}

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

// How a product is cut for the threads: into blocks of rows, as equal as they come and a multiple
// of the threads in number; a product of few rows is cut into panels instead. No bit depends on it.
struct Cut {
  int64_t rows_per_task;
  int64_t panels_per_task;
};

Cut cut_product(int64_t m, int64_t panels, int64_t block_rows, int64_t num_threads) {
  constexpr int64_t kFewRows = 24;
  if (m < kFewRows * num_threads) {
    return {m, std::max<int64_t>(1, (panels + 2 * num_threads - 1) / (2 * num_threads))};
  }
  const int64_t rounds = (m + num_threads * block_rows - 1) / (num_threads * block_rows);
  const int64_t tasks = rounds * num_threads;
  return {(m + tasks - 1) / tasks, panels};
}

// Runs a kernel's product over the threads and, where asked, the norm of each row once it is whole.
template <class Kernel, class Problem, class T>
void run_product(const Kernel& kernel, const Problem& problem, T* c, const LayerNormWeights* norm) {
  const Execution& execution = current_execution();
  const int64_t panels = num_panels(problem.n, kernel.panel_width);
  const Cut cut =
      cut_product(problem.m, panels, kernel.block_rows, execution.threads().num_threads());
  if (cut.panels_per_task >= panels) {
    auto rows = [&](int64_t begin, int64_t end) {
      kernel.multiply(problem, {begin, end}, {0, panels});
      if (norm != nullptr) layer_norm_rows<T>(execution.isa(), c, c, *norm, begin, end);
    };
    execution.threads().parallel_for(problem.m, cut.rows_per_task, rows);
    return;
  }
  auto columns = [&](int64_t begin, int64_t end) {
    kernel.multiply(problem, {0, problem.m}, {begin, end});
  };
  execution.threads().parallel_for(panels, cut.panels_per_task, columns);
  if (norm != nullptr) layer_norm_rows<T>(execution.isa(), c, c, *norm, 0, problem.m);
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
  if (epilogue.norm != nullptr) expect_layer_norm_weights(*epilogue.norm, weight.num_outputs());
  autograd::expect_no_grad("linear", {&x, &weight.bias()});
}

Shape output_shape(const Tensor& x, const PackedLinear& weight) {
  if (x.rank() == 0 || x.dim(-1) != weight.num_inputs()) {
    fail<ShapeError>("linear: x: expected [..., ", weight.num_inputs(), "], got ", x.shape());
  }
  std::array<int64_t, Shape::kMaxRank> dims{};
  std::ranges::copy(x.shape().dims(), dims.begin());
  const auto rank = static_cast<size_t>(x.rank());
  dims[rank - 1] = weight.num_outputs();
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
  const Shape shape = output_shape(x, weight);
  expect_operands(x, weight, epilogue, shape);
  Tensor out = Tensor::empty(shape, x.dtype());
  if (out.num_elements() == 0) return out;
  if (x.dtype() == DType::f32) {
    float* const c = out.mutable_values<float>().data();
    run_product(kernels::gemm_f32(weight.isa()),
                make_problem<kernels::GemmF32Problem>(x, weight, epilogue, c), c, epilogue.norm);
  } else {
    BFloat16* const c = out.mutable_values<BFloat16>().data();
    run_product(kernels::gemm_bf16(weight.isa()),
                make_problem<kernels::GemmBf16Problem>(x, weight, epilogue, c), c, epilogue.norm);
  }
  return out;
}

}  // namespace nopad::ops
