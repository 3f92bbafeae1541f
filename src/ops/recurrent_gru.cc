#include <algorithm>

#include "nopad/autograd/record.h"
#include "nopad/ops/recurrent.h"
#include "nopad/ops/reduce.h"
#include "ops/recurrent_operands.h"

namespace nopad::ops {
namespace {

using autograd::needs_grad;

constexpr int64_t kGates = 3;
constexpr int64_t kSaved = 4;  // r, z, n, and n's sum from h

// What the backward pass needs of a forward one.
struct SavedGru {
  Recurrence recurrence;
  GruReset reset;
  Tensor weight;
  Tensor h0, output;
  Tensor gates;  // [T, N 4U]
};

struct GruOperands {
  const Tensor& gates;
  const Tensor& weight;
  const Tensor& bias;
  const Tensor& h0;
  GruReset reset;
};

// The gates whose sums are products of h itself: all three, or r and z alone.
int64_t gates_of_h(GruReset reset) { return reset == GruReset::after ? 3 : 2; }

template <class T>
const T* bias_of(const Recurrence& r, const Tensor& bias, int64_t direction, int64_t gate) {
  if (!is_given(bias)) return nullptr;
  return bias.values<T>().data() + (direction * kGates + gate) * r.units;
}

// saved : gets what a backward pass needs, or is empty
template <class T>
void run(const Recurrence& r, const GruOperands& x, Tensor& output, Tensor& h_last, Tensor& saved) {
  const int64_t u = r.units;
  const auto products = step_products<T>(r, x.weight, 0, gates_of_h(x.reset), false);
  const auto candidates = step_products<T>(r, x.weight, 2, 1, false);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  walk<T>(r, (kGates + 2) * u, [&](const StepOrder& order, T* sums) {
    const int64_t d = order.direction;
    T* const h = sums + order.num_rows() * kGates * u;
    T* const reset_h = h + order.num_rows() * u;
    load_states(r, order, x.h0, h);
    kernels::GruStep<T> step;
    step.units = u;
    step.reset_after = x.reset == GruReset::after;
    step.inputs = rows_of<T>(x.gates, d, kGates * u);
    step.sums = sums;
    step.h = h;
    step.reset_h = reset_h;
    step.output = mutable_rows_of<T>(output, d, u);
    step.saved = mutable_rows_of<T>(saved, d, kSaved * u);
    StepRows<T> all{.a = h, .a_stride = u, .c = sums, .c_stride = kGates * u};
    all.bias = bias_of<T>(r, x.bias, d, 0);
    StepRows<T> candidate{.a = reset_h, .a_stride = u, .c = sums + 2 * u, .c_stride = kGates * u};
    candidate.bias = bias_of<T>(r, x.bias, d, 2);
    for (int64_t s = 0; s < order.num_steps(); ++s) {
      step.tokens = order.step(s).data();
      step.rows = all.rows = candidate.rows = std::ssize(order.step(s));
      products[static_cast<size_t>(d)].multiply(all);
      cells.gru_gates(step);
      if (!step.reset_after) candidates[static_cast<size_t>(d)].multiply(candidate);
      cells.gru_state(step);
    }
    store_states(r, order, h, h_last);
  });
}

struct GruGradients {
  Tensor d_gates, d_h0;
};

// Walks back from each sequence's last step to its first.
// previous : [T, U] h before each token, per direction
template <class T>
GruGradients run_back(const SavedGru& saved, const std::vector<Tensor>& previous,
                      const Tensor& d_output, const Tensor& d_h_last) {
  const Recurrence& r = saved.recurrence;
  const int64_t u = r.units;
  const auto products = step_products<T>(r, saved.weight, 0, gates_of_h(saved.reset), true);
  const auto candidates = step_products<T>(r, saved.weight, 2, 1, true);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  GruGradients out{Tensor::empty(r.per_token(kGates * u), dtype_of<T>),
                   Tensor::empty(r.state(), dtype_of<T>)};
  walk<T>(r, (kGates + 3) * u, [&](const StepOrder& order, T* d_sums) {
    const auto d = static_cast<size_t>(order.direction);
    T* const d_h = d_sums + order.num_rows() * kGates * u;
    T* const d_kept_h = d_h + order.num_rows() * u;
    T* const d_reset_h = d_kept_h + order.num_rows() * u;
    load_states(r, order, d_h_last, d_h);
    kernels::GruBackwardStep<T> step;
    step.units = u;
    step.reset_after = saved.reset == GruReset::after;
    step.saved = rows_of<T>(saved.gates, order.direction, kSaved * u);
    step.d_output = rows_of<T>(d_output, order.direction, u);
    step.previous = rows_of<T>(previous[d], 0, u);
    step.d_h = d_h;
    step.d_kept_h = d_kept_h;
    step.d_sums = d_sums;
    step.d_reset_h = d_reset_h;
    step.d_inputs = mutable_rows_of<T>(out.d_gates, order.direction, kGates * u);
    StepRows<T> all{.a = d_sums, .a_stride = kGates * u, .c = d_h, .c_stride = u};
    all.addend = d_kept_h;
    StepRows<T> candidate{
        .a = d_sums + 2 * u, .a_stride = kGates * u, .c = d_reset_h, .c_stride = u};
    for (int64_t s = order.num_steps() - 1; s >= 0; --s) {
      step.tokens = order.step(s).data();
      step.rows = all.rows = candidate.rows = std::ssize(order.step(s));
      cells.gru_state_backward(step);
      if (!step.reset_after) {
        candidates[d].multiply(candidate);
        cells.gru_gates_backward(step);
      }
      products[d].multiply(all);
    }
    store_states(r, order, d_h, out.d_h0);
  });
  return out;
}

// x times r of each token, [T, U]; zeros stay zeros, also beside a NaN.
template <class T>
Tensor times_reset(const SavedGru& saved, int64_t direction, const Tensor& x) {
  const int64_t u = saved.recurrence.units;
  Tensor out = Tensor::empty(x.shape(), dtype_of<T>);
  const auto from = rows_of<T>(x, 0, u), reset = rows_of<T>(saved.gates, direction, kSaved * u);
  const auto to = mutable_rows_of<T>(out, 0, u);
  for (int64_t token = 0; token < x.dim(0); ++token) {
    for (int64_t j = 0; j < u; ++j) {
      const T value = from.of(token)[j];
      to.of(token)[j] = value == 0 ? 0 : value * reset.of(token)[j];
    }
  }
  return out;
}

// The gradients of weight and bias. The candidate's product takes r on one side or the other.
template <class T>
void weight_gradients(const SavedGru& saved, const std::vector<Tensor>& previous,
                      const Tensor& d_gates, Tensor& d_weight, Tensor& d_bias) {
  const Recurrence& r = saved.recurrence;
  const int64_t u = r.units;
  const bool after = saved.reset == GruReset::after;
  for (int64_t d = 0; d < r.directions(); ++d) {
    const Tensor& h = previous[static_cast<size_t>(d)];
    const Tensor d_gates_of_h = columns_of<T>(d_gates, d * kGates * u, 2 * u);
    const Tensor d_n = columns_of<T>(d_gates, (d * kGates + 2) * u, u);
    const Tensor d_sum = after ? times_reset<T>(saved, d, d_n) : d_n;
    if (d_weight.num_elements() != 0) {
      T* const to = d_weight.mutable_values<T>().data() + d * kGates * u * u;
      weight_gradient(d_gates_of_h, h, to);
      weight_gradient(d_sum, after ? h : times_reset<T>(saved, d, h), to + 2 * u * u);
    }
    if (d_bias.num_elements() != 0) {
      T* const to = d_bias.mutable_values<T>().data() + d * kGates * u;
      std::ranges::copy(sum(d_gates_of_h, 0).values<T>(), to);
      std::ranges::copy(sum(d_sum, 0).values<T>(), to + 2 * u);
    }
  }
}

template <class T>
RecurrentResult gru(const Recurrence& r, const RaggedTensor& gates, const GruOperands& x) {
  constexpr DType kType = dtype_of<T>;
  Tensor output = Tensor::empty(r.per_token(r.units), kType);
  Tensor h = Tensor::empty(r.state(), kType);
  Tensor saved_gates = Tensor();
  if (!autograd::should_record({&x.gates, &x.weight, &x.bias, &x.h0})) {
    run<T>(r, x, output, h, saved_gates);
    return {gates.with_values(std::move(output)), std::move(h)};
  }
  saved_gates = Tensor::empty(r.per_token(kSaved * r.units), kType);
  run<T>(r, x, output, h, saved_gates);
  const SavedGru saved{r,      x.reset,    autograd::detach(x.weight), autograd::detach(x.h0),
                       output, saved_gates};
  const Shape weight_shape = needs_grad(x.weight) ? x.weight.shape() : Shape{0};
  const Shape bias_shape = needs_grad(x.bias) ? x.bias.shape() : Shape{0};
  autograd::record_all(
      {&output, &h}, "gru_recurrence", {x.gates, x.weight, x.bias, x.h0},
      [saved, weight_shape, bias_shape](std::span<const Tensor> d_outputs) {
        std::vector<Tensor> previous;
        for (int64_t d = 0; d < saved.recurrence.directions(); ++d) {
          previous.push_back(previous_states<T>(saved.recurrence, d, saved.output, saved.h0));
        }
        const GruGradients d = run_back<T>(saved, previous, d_outputs[0], d_outputs[1]);
        Tensor d_weight = Tensor::empty(weight_shape, kType);
        Tensor d_bias = Tensor::empty(bias_shape, kType);
        weight_gradients<T>(saved, previous, d.d_gates, d_weight, d_bias);
        return std::vector{d.d_gates, d_weight, d_bias, d.d_h0};
      });
  return {gates.with_values(std::move(output)), std::move(h)};
}

}  // namespace

RecurrentResult gru_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                               const Tensor& recurrent_bias, const Tensor& h0,
                               const GruConfig& config) {
  constexpr std::string_view kOp = "gru_recurrence";
  const Recurrence r = expect_recurrence(kOp, gates, recurrent_weight, kGates, config.direction);
  const DType dtype = recurrent_weight.dtype();
  expect_optional(kOp, "recurrent_bias", recurrent_bias, r.per_direction({kGates * r.units}),
                  dtype);
  expect_optional(kOp, "h0", h0, r.state(), dtype);
  const GruOperands operands{gates.values(), recurrent_weight, recurrent_bias, h0, config.reset};
  return dtype == DType::f32 ? gru<float>(r, gates, operands) : gru<double>(r, gates, operands);
}

}  // namespace nopad::ops
