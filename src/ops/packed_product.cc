#include "ops/packed_product.h"

#include "kernels/gemm.h"
#include "nopad/core/execution.h"
#include "ops/gemm.h"

namespace nopad::ops {

template <>
PackedProduct<float>::PackedProduct(const float* w, int64_t n, int64_t k, bool is_transposed)
    : w_(w), n_(n), k_(k), is_transposed_(is_transposed) {
  const kernels::GemmF32& kernel = kernels::gemm_f32(current_execution().isa());
  const int64_t panels = num_panels(n, kernel.panel_width);
  packed_ = Tensor::empty({panels * kernel.panel_width * k});
  float* const to = packed_.mutable_values<float>().data();
  auto pack = [&](int64_t begin, int64_t end) {
    (is_transposed ? kernel.pack_transposed : kernel.pack)(w, n, k, {begin, end}, to);
  };
  current_execution().threads().parallel_for(panels, 1, pack);
}

template <>
void PackedProduct<float>::multiply(Rows<const float> a, int64_t m, const float* bias,
                                    Rows<float> c) const {
  if (m == 0 || n_ == 0) return;
  kernels::GemmF32Problem problem;
  problem.m = m;
  problem.n = n_;
  problem.k = k_;
  problem.a = a.data;
  problem.a_stride = a.stride;
  problem.packed = packed_.values<float>().data();
  problem.c = c.data;
  problem.c_stride = c.stride;
  problem.bias = bias;
  run_product(kernels::gemm_f32(current_execution().isa()), problem, [](int64_t, int64_t) {});
}

// f64 is for gradient checks and careful users: the plain sum.
template <>
PackedProduct<double>::PackedProduct(const double* w, int64_t n, int64_t k, bool is_transposed)
    : w_(w), n_(n), k_(k), is_transposed_(is_transposed) {}

template <>
void PackedProduct<double>::multiply(Rows<const double> a, int64_t m, const double* bias,
                                     Rows<double> c) const {
  const int64_t w_row = is_transposed_ ? 1 : k_, w_step = is_transposed_ ? n_ : 1;
  auto rows = [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < n_; ++column) {
        double sum = 0;
        for (int64_t i = 0; i < k_; ++i) {
          sum += a.data[row * a.stride + i] * w_[column * w_row + i * w_step];
        }
        c.data[row * c.stride + column] = bias == nullptr ? sum : sum + bias[column];
      }
    }
  };
  current_execution().threads().parallel_for(m, 8, rows);
}

}  // namespace nopad::ops
