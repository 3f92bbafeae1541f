// Matrix products over the threads: of packed weights, and of operands packed on the fly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/gemm.h"
#include "nopad/core/execution.h"

namespace nopad::ops {

inline int64_t num_panels(int64_t outputs, int64_t panel_width) {
  return (outputs + panel_width - 1) / panel_width;
}

// How a product is cut for the threads: into blocks of rows, as equal as they come and a multiple
// of the threads in number; a product of few rows is cut into panels instead. No bit depends on it.
struct Cut {
  int64_t rows_per_task;
  int64_t panels_per_task;
};
Cut cut_product(int64_t m, int64_t panels, int64_t block_rows, int64_t num_threads);

// Runs a kernel's product over the threads; finish_rows(begin, end) follows once those are whole.
template <class Kernel, class Problem, class F>
void run_product(const Kernel& kernel, const Problem& problem, F&& finish_rows) {
  ThreadPool& threads = current_execution().threads();
  const int64_t panels = num_panels(problem.n, kernel.panel_width);
  const Cut cut = cut_product(problem.m, panels, kernel.block_rows, threads.num_threads());
  if (cut.panels_per_task >= panels) {
    auto rows = [&](int64_t begin, int64_t end) {
      kernel.multiply(problem, {begin, end}, {0, panels});
      finish_rows(begin, end);
    };
    threads.parallel_for(problem.m, cut.rows_per_task, rows);
    return;
  }
  auto columns = [&](int64_t begin, int64_t end) {
    kernel.multiply(problem, {0, problem.m}, {begin, end});
  };
  threads.parallel_for(panels, cut.panels_per_task, columns);
  finish_rows(int64_t{0}, problem.m);
}

// c = a b + bias. T is float or double.
template <class T>
struct MatrixProduct {
  int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;  // [M, K], or [K, M] where it is transposed
  bool transpose_a = false;
  const T* b = nullptr;  // [K, N], or [N, K] where it is transposed
  bool transpose_b = false;
  const T* bias = nullptr;  // [N], or none
  T* c = nullptr;           // [M, N]
};
// An element is one sum in the order of k, on any number of threads. K = 0 gives the bias.
template <class T>
void multiply(const MatrixProduct<T>& product);

// Which of the matrices behind `a` and behind `b` meet; their products stand in a row behind `c`.
struct MatrixPair {
  int64_t a = 0, b = 0;
};
template <class T>
void multiply_pairs(const MatrixProduct<T>& product, std::span<const MatrixPair> pairs);

// The gradient of a weight that every row went through: the sum of xᵣᵀ yᵣ over the rows, in their
// order. A row whose gradient is zero takes no part, so a NaN in a token that a loss dropped does
// not reach it.
struct RowSums {
  int64_t num_rows = 0;
  int64_t m = 0, n = 0;
};
enum class Gradient { left, right };  // which operand is the gradient, and decides who takes part
// x : [rows, M]   y : [rows, N]   c : [M, N]
template <class T>
void sum_over_rows(const RowSums& sums, const T* x, const T* y, Gradient gradient, T* c);

}  // namespace nopad::ops
