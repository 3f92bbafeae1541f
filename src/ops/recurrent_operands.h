// What all recurrences share: the check of their operands, and rows that change places.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "kernels/recurrent.h"
#include "nopad/core/execution.h"
#include "nopad/ops/recurrent.h"
#include "nopad/ragged/tensor.h"
#include "ops/recurrent_product.h"
#include "ops/recurrent_steps.h"

namespace nopad::ops {

// What one call computes.
struct Recurrence {
  RaggedLayout layout;
  Direction direction = Direction::forward;
  int64_t units = 0;  // U

  int64_t directions() const noexcept { return direction == Direction::bidirectional ? 2 : 1; }
  bool is_backward(int64_t index) const noexcept {
    return direction == Direction::backward || index == 1;
  }
  // [dims...], with an axis of the directions before it where there are two.
  Shape per_direction(std::initializer_list<int64_t> dims) const;
  Shape state() const { return per_direction({layout.num_sequences(), units}); }
  // The matrix [T, N width].
  Shape per_token(int64_t width) const { return {layout.num_tokens(), directions() * width}; }
};

// Throws ShapeError, DTypeError: gates or weight is not that of `num_gates` gates.
Recurrence expect_recurrence(std::string_view op, const RaggedTensor& gates, const Tensor& weight,
                             int64_t num_gates, Direction direction);
// An operand that may be left out, as Tensor().
inline bool is_given(const Tensor& operand) noexcept { return operand.shape() != Shape{0}; }
// Throws ShapeError, DTypeError: it is given, and not of that shape and type.
void expect_optional(std::string_view op, std::string_view name, const Tensor& operand,
                     const Shape& shape, DType dtype);

// The columns of one direction in a matrix [T, N width].
template <class T>
kernels::TokenRows<const T> rows_of(const Tensor& matrix, int64_t direction, int64_t width) {
  if (matrix.num_elements() == 0) return {};
  return {matrix.values<T>().data() + direction * width, matrix.dim(1)};
}
template <class T>
kernels::TokenRows<T> mutable_rows_of(Tensor& matrix, int64_t direction, int64_t width) {
  if (matrix.num_elements() == 0) return {};
  return {matrix.mutable_values<T>().data() + direction * width, matrix.dim(1)};
}

// The states [N, B, U] of an order's sequences, in its order, and back. What is not given is zero.
template <class T>
void load_states(const Recurrence& recurrence, const StepOrder& order, const Tensor& states,
                 T* rows);
template <class T>
void store_states(const Recurrence& recurrence, const StepOrder& order, const T* rows,
                  Tensor& states);

// The matrix [T, U] of each token's h before it: the output at the token before, or h0.
template <class T>
Tensor previous_states(const Recurrence& recurrence, int64_t direction, const Tensor& output,
                       const Tensor& h0);

// The products of a step, one per direction, with gates [first, first + count) of the weight: of
// their sums from h or, `transposed`, of h's gradient from theirs.
template <class T>
std::vector<StepProduct<T>> step_products(const Recurrence& recurrence, const Tensor& weight,
                                          int64_t first, int64_t count, bool transposed);

// Columns [begin, begin + count) of a matrix; the matrix itself where those are all.
template <class T>
Tensor columns_of(const Tensor& matrix, int64_t begin, int64_t count);
// The sum over tokens, in their order, of d_sumsᵀ h. Tokens of zero gradients take no part.
// d_sums : [T, rows]   h : [T, U]   d_weight : [rows, U]
template <class T>
void weight_gradient(const Tensor& d_sums, const Tensor& h, T* d_weight);

// Runs f(order, scratch) for all orders of the recurrence, on all threads. f must not throw.
// scratch : [the order's rows, values_per_row]
template <class T, class F>
void walk(const Recurrence& recurrence, int64_t values_per_row, F&& f) {
  ThreadPool& threads = current_execution().threads();
  const std::vector<StepOrder> orders =
      order_steps(recurrence.layout, recurrence.direction, threads.num_threads());
  std::vector<Tensor> scratch;
  for (const StepOrder& order : orders) {
    scratch.push_back(Tensor::empty({order.num_rows(), values_per_row}, dtype_of<T>));
  }
  auto walk_orders = [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      f(orders[i], scratch[i].mutable_values<T>().data());
    }
  };
  threads.parallel_for(std::ssize(orders), 1, walk_orders);
}

}  // namespace nopad::ops
