#include "ops/recurrent_operands.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "ops/gemm.h"

namespace nopad::ops {
namespace {

template <class T>
const T* state_row(const Recurrence& recurrence, const Tensor& states, int64_t direction,
                   int64_t sequence) {
  const int64_t row = direction * recurrence.layout.num_sequences() + sequence;
  return states.values<T>().data() + row * recurrence.units;
}

}  // namespace

Shape Recurrence::per_direction(std::initializer_list<int64_t> dims) const {
  std::vector<int64_t> all(dims);
  if (directions() == 2) all.insert(all.begin(), 2);
  return Shape(all);
}

Recurrence expect_recurrence(std::string_view op, const RaggedTensor& gates, const Tensor& weight,
                             int64_t num_gates, Direction direction) {
  const Tensor& values = gates.values();
  if (values.dtype() != DType::f32 && values.dtype() != DType::f64) {
    fail<DTypeError>(op, ": gates: expected f32 or f64, got ", values.dtype());
  }
  if (weight.dtype() != values.dtype()) {
    fail<DTypeError>(op, ": recurrent_weight: expected ", values.dtype(), " as the gates, got ",
                     weight.dtype());
  }
  const int64_t units = weight.rank() == 0 ? 0 : weight.dim(-1);
  Recurrence recurrence{gates.layout(), direction, units};
  if (units == 0 || weight.shape() != recurrence.per_direction({num_gates * units, units})) {
    fail<ShapeError>(op, ": recurrent_weight: expected [",
                     recurrence.directions() == 2 ? "2, " : "",
                     num_gates == 1 ? "" : concat(num_gates, " "), "U, U], got ", weight.shape());
  }
  const Shape expected = recurrence.per_token(num_gates * units);
  if (values.shape() != expected) {
    fail<ShapeError>(op, ": gates: expected ", expected, ", got ", values.shape());
  }
  return recurrence;
}

void expect_optional(std::string_view op, std::string_view name, const Tensor& operand,
                     const Shape& shape, DType dtype) {
  if (!is_given(operand)) return;
  if (operand.dtype() != dtype) {
    fail<DTypeError>(op, ": ", name, ": expected ", dtype, " as the gates, got ", operand.dtype());
  }
  if (operand.shape() != shape) {
    fail<ShapeError>(op, ": ", name, ": expected ", shape, ", got ", operand.shape());
  }
}

template <class T>
void load_states(const Recurrence& recurrence, const StepOrder& order, const Tensor& states,
                 T* rows) {
  for (const int64_t sequence : order.sequences) {
    if (is_given(states)) {
      std::copy_n(state_row<T>(recurrence, states, order.direction, sequence), recurrence.units,
                  rows);
    } else {
      std::fill_n(rows, recurrence.units, T{0});
    }
    rows += recurrence.units;
  }
}

template <class T>
void store_states(const Recurrence& recurrence, const StepOrder& order, const T* rows,
                  Tensor& states) {
  const int64_t before = order.direction * recurrence.layout.num_sequences();
  T* const to = states.mutable_values<T>().data();
  for (const int64_t sequence : order.sequences) {
    std::copy_n(rows, recurrence.units, to + (before + sequence) * recurrence.units);
    rows += recurrence.units;
  }
}

template <class T>
Tensor previous_states(const Recurrence& recurrence, int64_t direction, const Tensor& output,
                       const Tensor& h0) {
  const RaggedLayout& layout = recurrence.layout;
  const int64_t units = recurrence.units;
  const int64_t step = recurrence.is_backward(direction) ? 1 : -1;
  Tensor previous = Tensor::zeros({layout.num_tokens(), units}, dtype_of<T>);
  const auto to = mutable_rows_of<T>(previous, 0, units);
  const auto from = rows_of<T>(output, direction, units);
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t token = layout.offset(b); token < layout.offset(b + 1); ++token) {
      const int64_t before = token + step;
      if (before >= layout.offset(b) && before < layout.offset(b + 1)) {
        std::copy_n(from.of(before), units, to.of(token));
      } else if (is_given(h0)) {
        std::copy_n(state_row<T>(recurrence, h0, direction, b), units, to.of(token));
      }
    }
  }
  return previous;
}

template <class T>
std::vector<StepProduct<T>> step_products(const Recurrence& recurrence, const Tensor& weight,
                                          int64_t first, int64_t count, bool transposed) {
  const int64_t u = recurrence.units;
  const int64_t size = weight.num_elements() / recurrence.directions();
  std::vector<StepProduct<T>> products;
  for (int64_t d = 0; d < recurrence.directions(); ++d) {
    const T* const w = weight.values<T>().data() + d * size + first * u * u;
    products.push_back(transposed ? StepProduct<T>::by_columns(w, u, count * u)
                                  : StepProduct<T>::by_rows(w, count * u, u));
  }
  return products;
}

template <class T>
Tensor columns_of(const Tensor& matrix, int64_t begin, int64_t count) {
  if (matrix.dim(1) == count) return matrix;
  Tensor columns = Tensor::empty({matrix.dim(0), count}, matrix.dtype());
  const T* const from = matrix.values<T>().data() + begin;
  T* const to = columns.mutable_values<T>().data();
  auto copy_rows = [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      std::copy_n(from + row * matrix.dim(1), count, to + row * count);
    }
  };
  current_execution().threads().parallel_for(matrix.dim(0), 64, copy_rows);
  return columns;
}

template <class T>
void weight_gradient(const Tensor& d_sums, const Tensor& h, T* d_weight) {
  const RowSums sums{.num_rows = h.dim(0), .m = d_sums.dim(1), .n = h.dim(1)};
  sum_over_rows(sums, d_sums.values<T>().data(), h.values<T>().data(), Gradient::left, d_weight);
}

template void load_states(const Recurrence&, const StepOrder&, const Tensor&, float*);
template void store_states(const Recurrence&, const StepOrder&, const float*, Tensor&);
template Tensor previous_states<float>(const Recurrence&, int64_t, const Tensor&, const Tensor&);
template std::vector<StepProduct<float>> step_products(const Recurrence&, const Tensor&, int64_t,
                                                       int64_t, bool);
template Tensor columns_of<float>(const Tensor&, int64_t, int64_t);
template void weight_gradient(const Tensor&, const Tensor&, float*);
template void load_states(const Recurrence&, const StepOrder&, const Tensor&, double*);
template void store_states(const Recurrence&, const StepOrder&, const double*, Tensor&);
template Tensor previous_states<double>(const Recurrence&, int64_t, const Tensor&, const Tensor&);
template std::vector<StepProduct<double>> step_products(const Recurrence&, const Tensor&, int64_t,
                                                        int64_t, bool);
template Tensor columns_of<double>(const Tensor&, int64_t, int64_t);
template void weight_gradient(const Tensor&, const Tensor&, double*);

}  // namespace nopad::ops
