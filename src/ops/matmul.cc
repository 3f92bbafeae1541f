#include "nopad/ops/matmul.h"

#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/broadcast.h"
#include "ops/dispatch_float.h"
#include "ops/gemm.h"

namespace nopad::ops {
namespace {

// What meets what. The batch of a product without batch axes has one pair.
struct Plan {
  int64_t m = 0, n = 0, k = 0;
  Shape result = {};
  std::vector<MatrixPair> pairs = {};
  // One b serves all of an a that is not transposed: a single product of all their rows.
  bool is_tall = false;
};

Shape batch_shape(const Tensor& tensor) {
  return Shape(tensor.shape().dims().first(static_cast<size_t>(tensor.rank() - 2)));
}

std::vector<MatrixPair> pairs_of(const Shape& batch, const Shape& a, const Shape& b) {
  std::vector<MatrixPair> pairs;
  const StridedWalk<2> walk = broadcast_walk<2>(batch, {a, b});
  const auto strides = walk.inner_strides();
  walk.for_each_run(0, walk.num_elements(), [&](int64_t, int64_t count, const auto& offsets) {
    for (int64_t i = 0; i < count; ++i) {
      pairs.push_back({offsets[0] + i * strides[0], offsets[1] + i * strides[1]});
    }
  });
  return pairs;
}

Plan make_plan(const Tensor& a, const Tensor& b, MatmulConfig config) {
  const Shape batch = broadcast_shape("matmul", "b", batch_shape(a), batch_shape(b));
  Plan plan{.m = a.dim(config.transpose_a ? -1 : -2),
            .n = b.dim(config.transpose_b ? -2 : -1),
            .k = a.dim(config.transpose_a ? -2 : -1)};
  std::vector<int64_t> dims(batch.dims().begin(), batch.dims().end());
  dims.insert(dims.end(), {plan.m, plan.n});
  plan.result = Shape(dims);
  plan.is_tall = batch_shape(b).num_elements() == 1 && !config.transpose_a;
  if (plan.is_tall) {
    plan.m *= batch.num_elements();
    plan.pairs = {MatrixPair{}};
  } else {
    plan.pairs = pairs_of(batch, batch_shape(a), batch_shape(b));
  }
  return plan;
}

void expect_operands(const Tensor& a, const Tensor& b, MatmulConfig config) {
  if (b.dtype() != a.dtype()) {
    fail<DTypeError>("matmul: b: expected ", a.dtype(), " as a, got ", b.dtype());
  }
  if (a.rank() < 2) fail<ShapeError>("matmul: a: expected [..., M, K], got ", a.shape());
  if (b.rank() < 2) fail<ShapeError>("matmul: b: expected [..., K, N], got ", b.shape());
  const int64_t k = a.dim(config.transpose_a ? -2 : -1);
  if (b.dim(config.transpose_b ? -1 : -2) != k) {
    fail<ShapeError>("matmul: b: expected ", config.transpose_b ? "[..., N, " : "[..., ", k,
                     config.transpose_b ? "], got " : ", N], got ", b.shape());
  }
}

template <class T>
void multiply_as_planned(const Plan& plan, const T* a, const T* b, MatmulConfig config, T* c) {
  multiply_pairs<T>({.m = plan.m,
                     .n = plan.n,
                     .k = plan.k,
                     .a = a,
                     .transpose_a = config.transpose_a,
                     .b = b,
                     .transpose_b = config.transpose_b,
                     .c = c},
                    plan.pairs);
}

Tensor gradient_of_a(const Tensor& d_c, const Tensor& b, const Shape& a, MatmulConfig config) {
  const Tensor products =
      config.transpose_a ? matmul(b, d_c, {.transpose_a = config.transpose_b, .transpose_b = true})
                         : matmul(d_c, b, {.transpose_b = !config.transpose_b});
  return sum_to_shape(products, a);
}

template <class T>
Tensor gradient_of_tall_b(const Plan& plan, const Tensor& d_c, const Tensor& a, const Shape& b,
                          MatmulConfig config) {
  Tensor d_b = Tensor::empty(b, a.dtype());
  const T* const x = a.values<T>().data();
  const T* const d = d_c.values<T>().data();
  T* const out = d_b.mutable_values<T>().data();
  if (config.transpose_b) {
    sum_over_rows<T>({plan.m, plan.n, plan.k}, d, x, Gradient::left, out);
  } else {
    sum_over_rows<T>({plan.m, plan.k, plan.n}, x, d, Gradient::right, out);
  }
  return d_b;
}

template <class T>
Tensor gradient_of_b(const Plan& plan, const Tensor& d_c, const Tensor& a, const Shape& b,
                     MatmulConfig config) {
  if (plan.is_tall) return gradient_of_tall_b<T>(plan, d_c, a, b, config);
  const Tensor products =
      config.transpose_b ? matmul(d_c, a, {.transpose_a = true, .transpose_b = config.transpose_a})
                         : matmul(a, d_c, {.transpose_a = !config.transpose_a});
  return sum_to_shape(products, b);
}

template <class T>
void record_matmul(Tensor& c, const Tensor& a, const Tensor& b, Plan plan, MatmulConfig config) {
  const bool needs_a = autograd::needs_grad(a), needs_b = autograd::needs_grad(b);
  const Tensor saved_a = needs_b ? autograd::detach(a) : Tensor();
  const Tensor saved_b = needs_a ? autograd::detach(b) : Tensor();
  autograd::record(
      c, "matmul", {a, b},
      [=, plan = std::move(plan), a_shape = a.shape(), b_shape = b.shape()](const Tensor& d_c) {
        return std::vector{
            needs_a ? gradient_of_a(d_c, saved_b, a_shape, config) : Tensor(),
            needs_b ? gradient_of_b<T>(plan, d_c, saved_a, b_shape, config) : Tensor()};
      });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, MatmulConfig config) {
  return dispatch_float("matmul", "a", a, [&]<class T>(T) {
    expect_operands(a, b, config);
    Plan plan = make_plan(a, b, config);
    Tensor c = Tensor::empty(plan.result, a.dtype());
    multiply_as_planned<T>(plan, a.values<T>().data(), b.values<T>().data(), config,
                           c.mutable_values<T>().data());
    if (autograd::should_record({&a, &b})) record_matmul<T>(c, a, b, std::move(plan), config);
    return c;
  });
}

RaggedTensor matmul(const RaggedTensor& a, const Tensor& b, MatmulConfig config) {
  if (config.transpose_a && a.values().rank() < 3) {
    fail<OptionError>("matmul: transpose_a: expected a matrix per token to transpose, got ",
                      a.values().shape());
  }
  if (b.rank() != 2) fail<ShapeError>("matmul: b: expected [K, N], got ", b.shape());
  return a.with_values(matmul(a.values(), b, config));
}

}  // namespace nopad::ops
