#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/ops/recurrent.h"
#include "ops/recurrent_operands.h"

namespace nopad::ops {
namespace {

using autograd::needs_grad;

// What the backward pass needs of a forward one: of a simple RNN, its output alone.
struct SavedRnn {
  Recurrence recurrence;
  Activation activation;
  Tensor weight;
  Tensor h0, output;
};

struct RnnOperands {
  const Tensor& gates;
  const Tensor& weight;
  const Tensor& h0;
  Activation activation;
};

template <class T>
void run(const Recurrence& r, const RnnOperands& x, Tensor& output, Tensor& h_last) {
  const int64_t u = r.units;
  const auto products = step_products<T>(r, x.weight, 0, 1, false);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  walk<T>(r, 2 * u, [&](const StepOrder& order, T* sums) {
    const int64_t d = order.direction;
    T* const h = sums + order.num_rows() * u;
    load_states(r, order, x.h0, h);
    kernels::RnnStep<T> step;
    step.units = u;
    step.activation = x.activation;
    step.inputs = rows_of<T>(x.gates, d, u);
    step.sums = sums;
    step.h = h;
    step.output = mutable_rows_of<T>(output, d, u);
    for (int64_t s = 0; s < order.num_steps(); ++s) {
      step.tokens = order.step(s).data();
      step.rows = std::ssize(order.step(s));
      products[static_cast<size_t>(d)].multiply(
          {.rows = step.rows, .a = h, .a_stride = u, .c = sums, .c_stride = u});
      cells.rnn(step);
    }
    store_states(r, order, h, h_last);
  });
}

struct RnnGradients {
  Tensor d_gates, d_h0;
};

// Walks back from each sequence's last step to its first.
template <class T>
RnnGradients run_back(const SavedRnn& saved, const Tensor& d_output, const Tensor& d_h_last) {
  const Recurrence& r = saved.recurrence;
  const int64_t u = r.units;
  const auto products = step_products<T>(r, saved.weight, 0, 1, true);
  const auto& cells = kernels::recurrent_cells<T>(current_execution().isa());
  RnnGradients out{Tensor::empty(r.per_token(u), dtype_of<T>),
                   Tensor::empty(r.state(), dtype_of<T>)};
  walk<T>(r, 2 * u, [&](const StepOrder& order, T* d_sums) {
    const int64_t d = order.direction;
    T* const d_h = d_sums + order.num_rows() * u;
    load_states(r, order, d_h_last, d_h);
    kernels::RnnBackwardStep<T> step;
    step.units = u;
    step.activation = saved.activation;
    step.output = rows_of<T>(saved.output, d, u);
    step.d_output = rows_of<T>(d_output, d, u);
    step.d_h = d_h;
    step.d_sums = d_sums;
    step.d_inputs = mutable_rows_of<T>(out.d_gates, d, u);
    for (int64_t s = order.num_steps() - 1; s >= 0; --s) {
      step.tokens = order.step(s).data();
      step.rows = std::ssize(order.step(s));
      cells.rnn_backward(step);
      products[static_cast<size_t>(d)].multiply(
          {.rows = step.rows, .a = d_sums, .a_stride = u, .c = d_h, .c_stride = u});
    }
    store_states(r, order, d_h, out.d_h0);
  });
  return out;
}

template <class T>
Tensor d_weight(const SavedRnn& saved, const Tensor& d_gates) {
  const Recurrence& r = saved.recurrence;
  Tensor out = Tensor::empty(saved.weight.shape(), dtype_of<T>);
  T* const to = out.mutable_values<T>().data();
  for (int64_t d = 0; d < r.directions(); ++d) {
    weight_gradient(columns_of<T>(d_gates, d * r.units, r.units),
                    previous_states<T>(r, d, saved.output, saved.h0), to + d * r.units * r.units);
  }
  return out;
}

template <class T>
RecurrentResult rnn(const Recurrence& r, const RaggedTensor& gates, const RnnOperands& x) {
  Tensor output = Tensor::empty(r.per_token(r.units), dtype_of<T>);
  Tensor h = Tensor::empty(r.state(), dtype_of<T>);
  run<T>(r, x, output, h);
  if (autograd::should_record({&x.gates, &x.weight, &x.h0})) {
    const SavedRnn saved{r, x.activation, autograd::detach(x.weight), autograd::detach(x.h0),
                         output};
    const bool needs_weight = needs_grad(x.weight);
    autograd::record_all({&output, &h}, "rnn_recurrence", {x.gates, x.weight, x.h0},
                         [saved, needs_weight](std::span<const Tensor> d_outputs) {
                           const RnnGradients d = run_back<T>(saved, d_outputs[0], d_outputs[1]);
                           const Tensor d_w =
                               needs_weight ? d_weight<T>(saved, d.d_gates) : Tensor();
                           return std::vector{d.d_gates, d_w, d.d_h0};
                         });
  }
  return {gates.with_values(std::move(output)), std::move(h)};
}

}  // namespace

RecurrentResult rnn_recurrence(const RaggedTensor& gates, const Tensor& recurrent_weight,
                               const Tensor& h0, const RnnConfig& config) {
  constexpr std::string_view kOp = "rnn_recurrence";
  if (config.activation != Activation::tanh && config.activation != Activation::relu) {
    fail<OptionError>(kOp, ": activation: expected tanh or relu, got ", config.activation);
  }
  const Recurrence r = expect_recurrence(kOp, gates, recurrent_weight, 1, config.direction);
  expect_optional(kOp, "h0", h0, r.state(), recurrent_weight.dtype());
  const RnnOperands operands{gates.values(), recurrent_weight, h0, config.activation};
  return recurrent_weight.dtype() == DType::f32 ? rnn<float>(r, gates, operands)
                                                : rnn<double>(r, gates, operands);
}

}  // namespace nopad::ops
