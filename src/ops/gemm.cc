#include "ops/gemm.h"

#include <array>
#include <type_traits>
#include <vector>

#include "nopad/core/tensor.h"

namespace nopad::ops {
namespace {

constexpr std::array kOnePair = {MatrixPair{}};

// What a task should at least do to be worth handing out, in multiply-adds.
constexpr int64_t kWorkPerTask = int64_t{1} << 17;

int64_t num_matrices_b(std::span<const MatrixPair> pairs) {
  return std::ranges::max(pairs, {}, &MatrixPair::b).b + 1;
}

// Every matrix of b, packed one after the other.
Tensor pack_b(const kernels::GemmF32& kernel, const MatrixProduct<float>& p, int64_t num_matrices) {
  const int64_t panels = num_panels(p.n, kernel.panel_width);
  const int64_t size = panels * kernel.panel_width * p.k;
  Tensor packed = Tensor::empty({num_matrices, size});
  float* const out = packed.mutable_values<float>().data();
  const auto pack = p.transpose_b ? kernel.pack : kernel.pack_transposed;
  auto pack_panels = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = i % panels;
      pack(p.b + i / panels * p.n * p.k, p.n, p.k, {panel, panel + 1}, out + i / panels * size);
    }
  };
  const int64_t grain = kWorkPerTask / (kernel.panel_width * p.k + 1) + 1;
  current_execution().threads().parallel_for(num_matrices * panels, grain, pack_panels);
  return packed;
}

kernels::GemmF32Problem problem_of(const MatrixProduct<float>& p, MatrixPair pair, int64_t index,
                                   const Tensor& packed) {
  return {.m = p.m,
          .n = p.n,
          .k = p.k,
          .a = p.a + pair.a * p.m * p.k,
          .a_stride = p.transpose_a ? p.m : p.k,
          .a_is_transposed = p.transpose_a,
          .packed = packed.values<float>().data() + pair.b * packed.dim(1),
          .c = p.c + index * p.m * p.n,
          .c_stride = p.n,
          .bias = p.bias};
}

void multiply_f32(const MatrixProduct<float>& p, std::span<const MatrixPair> pairs) {
  const Execution& execution = current_execution();
  const kernels::GemmF32& kernel = kernels::gemm_f32(execution.isa());
  const Tensor packed = pack_b(kernel, p, num_matrices_b(pairs));
  if (pairs.size() == 1) {
    run_product(kernel, problem_of(p, pairs[0], 0, packed), [](int64_t, int64_t) {});
    return;
  }
  const int64_t blocks = (p.m + kernel.block_rows - 1) / kernel.block_rows;
  const int64_t panels = num_panels(p.n, kernel.panel_width);
  auto multiply_blocks = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t index = i / blocks;
      const int64_t row = i % blocks * kernel.block_rows;
      kernel.multiply(problem_of(p, pairs[static_cast<size_t>(index)], index, packed),
                      {row, std::min(p.m, row + kernel.block_rows)}, {0, panels});
    }
  };
  const int64_t work = std::min(p.m, kernel.block_rows) * p.n * p.k;
  execution.threads().parallel_for(std::ssize(pairs) * blocks, kWorkPerTask / (work + 1) + 1,
                                   multiply_blocks);
}

// f64 is for gradient checks and careful users: the plain sum.
void multiply_f64(const MatrixProduct<double>& p, std::span<const MatrixPair> pairs) {
  const int64_t a_row = p.transpose_a ? 1 : p.k, a_step = p.transpose_a ? p.m : 1;
  const int64_t b_column = p.transpose_b ? p.k : 1, b_step = p.transpose_b ? 1 : p.n;
  auto rows = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const MatrixPair pair = pairs[static_cast<size_t>(i / p.m)];
      const double* const a = p.a + pair.a * p.m * p.k + i % p.m * a_row;
      for (int64_t column = 0; column < p.n; ++column) {
        const double* const b = p.b + pair.b * p.n * p.k + column * b_column;
        double sum = 0;
        for (int64_t k = 0; k < p.k; ++k) sum += a[k * a_step] * b[k * b_step];
        p.c[i * p.n + column] = p.bias == nullptr ? sum : sum + p.bias[column];
      }
    }
  };
  current_execution().threads().parallel_for(std::ssize(pairs) * p.m, 8, rows);
}

template <class T>
std::vector<int64_t> rows_that_are_not_zero(const T* x, int64_t num_rows, int64_t width) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < num_rows; ++row) {
    const std::span values(x + row * width, static_cast<size_t>(width));
    if (std::ranges::any_of(values, [](T value) { return value != 0; })) rows.push_back(row);
  }
  return rows;
}

template <class T>
Tensor gather(const T* x, int64_t width, std::span<const int64_t> rows) {
  Tensor out = Tensor::empty({std::ssize(rows), width}, dtype_of<T>);
  T* to = out.mutable_values<T>().data();
  for (const int64_t row : rows) to = std::copy_n(x + row * width, width, to);
  return out;
}

}  // namespace

Cut cut_product(int64_t m, int64_t panels, int64_t block_rows, int64_t num_threads) {
  constexpr int64_t kFewRows = 24;
  if (m < kFewRows * num_threads) {
    return {m, std::max<int64_t>(1, (panels + 2 * num_threads - 1) / (2 * num_threads))};
  }
  const int64_t rounds = (m + num_threads * block_rows - 1) / (num_threads * block_rows);
  const int64_t tasks = rounds * num_threads;
  return {(m + tasks - 1) / tasks, panels};
}

template <class T>
void multiply_pairs(const MatrixProduct<T>& product, std::span<const MatrixPair> pairs) {
  if (product.m == 0 || product.n == 0 || pairs.empty()) return;
  if constexpr (std::is_same_v<T, float>) {
    multiply_f32(product, pairs);
  } else {
    multiply_f64(product, pairs);
  }
}

template <class T>
void multiply(const MatrixProduct<T>& product) {
  multiply_pairs<T>(product, kOnePair);
}

template <class T>
void sum_over_rows(const RowSums& sums, const T* x, const T* y, Gradient gradient, T* c) {
  const std::vector<int64_t> rows = gradient == Gradient::left
                                        ? rows_that_are_not_zero(x, sums.num_rows, sums.m)
                                        : rows_that_are_not_zero(y, sums.num_rows, sums.n);
  MatrixProduct<T> product{
      .m = sums.m, .n = sums.n, .k = std::ssize(rows), .a = x, .transpose_a = true, .b = y, .c = c};
  if (product.k == sums.num_rows) return multiply(product);
  const Tensor x_rows = gather(x, sums.m, rows);
  const Tensor y_rows = gather(y, sums.n, rows);
  product.a = x_rows.values<T>().data();
  product.b = y_rows.values<T>().data();
  multiply(product);
}

template void multiply(const MatrixProduct<float>&);
template void multiply_pairs(const MatrixProduct<float>&, std::span<const MatrixPair>);
template void sum_over_rows(const RowSums&, const float*, const float*, Gradient, float*);
template void multiply(const MatrixProduct<double>&);
template void multiply_pairs(const MatrixProduct<double>&, std::span<const MatrixPair>);
template void sum_over_rows(const RowSums&, const double*, const double*, Gradient, double*);

}  // namespace nopad::ops
