#include "nopad/autograd/record.h"
#include "nopad/ops/recurrent.h"
#include "ops/recurrent_operands.h"

namespace nopad::ops {
namespace {

using autograd::needs_grad;

constexpr int64_t kGates = 4;

// What the backward pass needs of a forward one; h0 and output only for the weight's gradient.
struct SavedLstm {
  Recurrence recurrence;
  Tensor weight;
  Tensor h0, output;
  Tensor gates;  // [T, N 4U] after σ and tanh
  Tensor cells;  // [T, N U] c before each token
};

struct LstmOperands {
  const Tensor& gates;
  const Tensor& weight;
  const Tensor& h0;
  const Tensor& c0;
};

struct LstmOutputs {
  Tensor output, h, c;
};

// saved : gets what a backward pass needs, or null
template <class T>
void run(const Recurrence& r, const LstmOperands& x, LstmOutputs& out, SavedLstm* saved) {
  const int64_t u = r.units;
  const auto products = step_products<T>(r, x.weight, 0, kGates, false);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  walk<T>(r, (kGates + 2) * u, [&](const StepOrder& order, T* scratch) {
    const int64_t d = order.direction;
    T* const h = scratch + order.num_rows() * kGates * u;
    T* const c = h + order.num_rows() * u;
    load_states(r, order, x.h0, h);
    load_states(r, order, x.c0, c);
    kernels::LstmStep<T> step;
    step.units = u;
    step.inputs = rows_of<T>(x.gates, d, kGates * u);
    step.sums = scratch;
    step.h = h;
    step.c = c;
    step.output = mutable_rows_of<T>(out.output, d, u);
    if (saved != nullptr) {
      step.saved_gates = mutable_rows_of<T>(saved->gates, d, kGates * u);
      step.saved_cells = mutable_rows_of<T>(saved->cells, d, u);
    }
    for (int64_t s = 0; s < order.num_steps(); ++s) {
      step.rows = std::ssize(order.step(s));
      step.tokens = order.step(s).data();
      products[static_cast<size_t>(d)].multiply(
          {.rows = step.rows, .a = h, .a_stride = u, .c = scratch, .c_stride = kGates * u});
      cells.lstm(step);
    }
    store_states(r, order, h, out.h);
    store_states(r, order, c, out.c);
  });
}

struct LstmGradients {
  Tensor d_gates, d_h0, d_c0;
};

// Walks back from each sequence's last step to its first.
template <class T>
LstmGradients run_back(const SavedLstm& saved, std::span<const Tensor> d_outputs) {
  const Recurrence& r = saved.recurrence;
  const int64_t u = r.units;
  const auto products = step_products<T>(r, saved.weight, 0, kGates, true);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  LstmGradients out{Tensor::empty(r.per_token(kGates * u), dtype_of<T>),
                    Tensor::empty(r.state(), dtype_of<T>), Tensor::empty(r.state(), dtype_of<T>)};
  walk<T>(r, (kGates + 2) * u, [&](const StepOrder& order, T* scratch) {
    const int64_t d = order.direction;
    T* const d_h = scratch + order.num_rows() * kGates * u;
    T* const d_c = d_h + order.num_rows() * u;
    load_states(r, order, d_outputs[1], d_h);
    load_states(r, order, d_outputs[2], d_c);
    kernels::LstmBackwardStep<T> step;
    step.units = u;
    step.saved_gates = rows_of<T>(saved.gates, d, kGates * u);
    step.saved_cells = rows_of<T>(saved.cells, d, u);
    step.d_output = rows_of<T>(d_outputs[0], d, u);
    step.d_h = d_h;
    step.d_c = d_c;
    step.d_sums = scratch;
    step.d_inputs = mutable_rows_of<T>(out.d_gates, d, kGates * u);
    for (int64_t s = order.num_steps() - 1; s >= 0; --s) {
      step.rows = std::ssize(order.step(s));
      step.tokens = order.step(s).data();
      cells.lstm_backward(step);
      products[static_cast<size_t>(d)].multiply(
          {.rows = step.rows, .a = scratch, .a_stride = kGates * u, .c = d_h, .c_stride = u});
    }
    store_states(r, order, d_h, out.d_h0);
    store_states(r, order, d_c, out.d_c0);
  });
  return out;
}

template <class T>
Tensor d_weight(const SavedLstm& saved, const Tensor& d_gates) {
  const Recurrence& r = saved.recurrence;
  const int64_t width = kGates * r.units;
  Tensor out = Tensor::empty(saved.weight.shape(), dtype_of<T>);
  T* const to = out.mutable_values<T>().data();
  for (int64_t d = 0; d < r.directions(); ++d) {
    weight_gradient(columns_of<T>(d_gates, d * width, width),
                    previous_states<T>(r, d, saved.output, saved.h0), to + d * width * r.units);
  }
  return out;
}

// Keeps h0 and the output only for a weight that learns.
template <class T>
void run_and_record(const Recurrence& r, const LstmOperands& x, LstmOutputs& out) {
  const bool needs_weight = needs_grad(x.weight);
  SavedLstm saved{.recurrence = r,
                  .weight = autograd::detach(x.weight),
                  .h0 = needs_weight ? autograd::detach(x.h0) : Tensor(),
                  .output = needs_weight ? out.output : Tensor(),
                  .gates = Tensor::empty(x.gates.shape(), dtype_of<T>),
                  .cells = Tensor::empty(out.output.shape(), dtype_of<T>)};
  run<T>(r, x, out, &saved);
  autograd::record_all({&out.output, &out.h, &out.c}, "lstm_recurrence",
                       {x.gates, x.weight, x.h0, x.c0},
                       [saved = std::move(saved), needs_weight](std::span<const Tensor> d_outputs) {
                         LstmGradients d = run_back<T>(saved, d_outputs);
                         const Tensor d_w = needs_weight ? d_weight<T>(saved, d.d_gates) : Tensor();
                         return std::vector{d.d_gates, d_w, d.d_h0, d.d_c0};
                       });
}

template <class T>
LstmOutputs lstm(const Recurrence& r, const LstmOperands& x) {
  LstmOutputs out{Tensor::empty(r.per_token(r.units), dtype_of<T>),
                  Tensor::empty(r.state(), dtype_of<T>), Tensor::empty(r.state(), dtype_of<T>)};
  if (autograd::should_record({&x.gates, &x.weight, &x.h0, &x.c0})) {
    run_and_record<T>(r, x, out);
  } else {
    run<T>(r, x, out, nullptr);
  }
  return out;
}

}  // namespace

LstmResult lstm_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                           const Tensor& h0, const Tensor& c0, const RecurrentConfig& config) {
  constexpr std::string_view kOp = "lstm_recurrence";
  const Recurrence r = expect_recurrence(kOp, gates, recurrent_weight, kGates, config.direction);
  const DType dtype = recurrent_weight.dtype();
  expect_optional(kOp, "h0", h0, r.state(), dtype);
  expect_optional(kOp, "c0", c0, r.state(), dtype);
  const LstmOperands operands{gates.values(), recurrent_weight, h0, c0};
  LstmOutputs out = dtype == DType::f32 ? lstm<float>(r, operands) : lstm<double>(r, operands);
  return {gates.with_values(std::move(out.output)), std::move(out.h), std::move(out.c)};
}

}  // namespace nopad::ops
