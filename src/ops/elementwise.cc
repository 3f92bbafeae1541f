#include "nopad/ops/elementwise.h"

#include <string_view>

#include "kernels/elementwise.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"

namespace nopad::ops {
namespace {

using kernels::Function;

// A function, and the name that its messages and its record have.
struct NamedFunction {
  std::string_view name;
  Function function;
  double parameter = 0;

  kernels::FunctionRun run() const { return {function, static_cast<float>(parameter)}; }
};

// Elements that one task takes: these cost more than a memory access.
constexpr int64_t kElementsPerTask = 8192;

template <class F>
void for_elements(int64_t count, F&& f) {
  current_execution().threads().parallel_for(count, kElementsPerTask, f);
}

Tensor evaluate(const NamedFunction& f, const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (x.dtype() == DType::f32) {
    const auto& kernel = kernels::elementwise_f32(current_execution().isa());
    const float* const from = x.values<float>().data();
    float* const to = y.mutable_values<float>().data();
    for_elements(x.num_elements(), [&](int64_t begin, int64_t end) {
      kernel.evaluate(f.run(), from + begin, to + begin, end - begin);
    });
  } else {
    const double* const from = x.values<double>().data();
    double* const to = y.mutable_values<double>().data();
    for_elements(x.num_elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        to[i] = kernels::ref::evaluate(f.function, f.parameter, from[i]);
      }
    });
  }
  return y;
}

Tensor differentiate(const NamedFunction& f, const Tensor& saved, const Tensor& d_y) {
  Tensor d_x = Tensor::empty(d_y.shape(), d_y.dtype());
  if (d_y.dtype() == DType::f32) {
    const auto& kernel = kernels::elementwise_f32(current_execution().isa());
    const float* const from = saved.values<float>().data();
    const float* const d = d_y.values<float>().data();
    float* const to = d_x.mutable_values<float>().data();
    for_elements(d_y.num_elements(), [&](int64_t begin, int64_t end) {
      kernel.differentiate(f.run(), from + begin, d + begin, to + begin, end - begin);
    });
  } else {
    const double* const from = saved.values<double>().data();
    const double* const d = d_y.values<double>().data();
    double* const to = d_x.mutable_values<double>().data();
    for_elements(d_y.num_elements(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        to[i] = kernels::ref::differentiate(f.function, f.parameter, from[i], d[i]);
      }
    });
  }
  return d_x;
}

Tensor apply(const NamedFunction& f, const Tensor& x) {
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64) {
    fail<DTypeError>(f.name, ": x: expected f32 or f64, got ", x.dtype());
  }
  Tensor y = evaluate(f, x);
  if (autograd::should_record({&x})) {
    const bool by_value = kernels::saved_by(f.function) == kernels::Saved::value;
    autograd::record(y, f.name, {x},
                     [f, saved = autograd::detach(by_value ? y : x)](const Tensor& d) {
                       return std::vector{differentiate(f, saved, d)};
                     });
  }
  return y;
}

}  // namespace

Tensor exp(const Tensor& x) { return apply({"exp", Function::exp}, x); }
Tensor log(const Tensor& x) { return apply({"log", Function::log}, x); }
Tensor sqrt(const Tensor& x) { return apply({"sqrt", Function::sqrt}, x); }
Tensor square(const Tensor& x) { return apply({"square", Function::square}, x); }
Tensor abs(const Tensor& x) { return apply({"abs", Function::abs}, x); }
Tensor relu(const Tensor& x) { return apply({"relu", Function::relu}, x); }
Tensor gelu(const Tensor& x) { return apply({"gelu", Function::gelu}, x); }
Tensor gelu_tanh(const Tensor& x) { return apply({"gelu_tanh", Function::gelu_tanh}, x); }
Tensor silu(const Tensor& x) { return apply({"silu", Function::silu}, x); }
Tensor tanh(const Tensor& x) { return apply({"tanh", Function::tanh}, x); }
Tensor sigmoid(const Tensor& x) { return apply({"sigmoid", Function::sigmoid}, x); }
Tensor softplus(const Tensor& x) { return apply({"softplus", Function::softplus}, x); }
Tensor leaky_relu(const Tensor& x, double slope) {
  return apply({"leaky_relu", Function::leaky_relu, slope}, x);
}
Tensor elu(const Tensor& x, double alpha) { return apply({"elu", Function::elu, alpha}, x); }

Tensor activate(const Tensor& x, Activation activation) {
  if (activation == Activation::none) return x;
  return apply({to_string(activation), kernels::function_of(activation), kernels::kLeakySlope}, x);
}

RaggedTensor exp(const RaggedTensor& x) { return x.with_values(exp(x.values())); }
RaggedTensor log(const RaggedTensor& x) { return x.with_values(log(x.values())); }
RaggedTensor sqrt(const RaggedTensor& x) { return x.with_values(sqrt(x.values())); }
RaggedTensor square(const RaggedTensor& x) { return x.with_values(square(x.values())); }
RaggedTensor abs(const RaggedTensor& x) { return x.with_values(abs(x.values())); }
RaggedTensor relu(const RaggedTensor& x) { return x.with_values(relu(x.values())); }
RaggedTensor gelu(const RaggedTensor& x) { return x.with_values(gelu(x.values())); }
RaggedTensor gelu_tanh(const RaggedTensor& x) { return x.with_values(gelu_tanh(x.values())); }
RaggedTensor silu(const RaggedTensor& x) { return x.with_values(silu(x.values())); }
RaggedTensor tanh(const RaggedTensor& x) { return x.with_values(tanh(x.values())); }
RaggedTensor sigmoid(const RaggedTensor& x) { return x.with_values(sigmoid(x.values())); }
RaggedTensor softplus(const RaggedTensor& x) { return x.with_values(softplus(x.values())); }
RaggedTensor leaky_relu(const RaggedTensor& x, double slope) {
  return x.with_values(leaky_relu(x.values(), slope));
}
RaggedTensor elu(const RaggedTensor& x, double alpha) {
  return x.with_values(elu(x.values(), alpha));
}
RaggedTensor activate(const RaggedTensor& x, Activation activation) {
  return x.with_values(activate(x.values(), activation));
}

}  // namespace nopad::ops
