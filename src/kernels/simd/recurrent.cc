#include "kernels/recurrent.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/recurrent.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

// Calls f(row, token, unit, count) for each vector of a step's states, `count` units from `unit` on.
template <class F>
HWY_INLINE void for_each_vector(const RecurrentStep& step, F&& f) {
  for (int64_t row = 0; row < step.rows; ++row) {
    for (int64_t j = 0; j < step.units; j += kLanes) {
      f(row, step.tokens[row], j, std::min(kLanes, step.units - j));
    }
  }
}

HWY_INLINE FloatVec load_sum(const float* a, const float* b, int64_t count) {
  return hn::Add(load(a, count), load(b, count));
}
// A gradient of zero stays zero, whatever the value: a NaN in a token that a loss dropped must not
// come back. So does one that fades away over a long sequence, before it gets denormal and slow.
HWY_INLINE FloatVec scaled(FloatVec gradient, FloatVec factor) {
  const auto is_zero = hn::Lt(hn::Abs(gradient), constant(1e-34f));
  return hn::IfThenZeroElse(is_zero, hn::Mul(gradient, factor));
}
// x (1 - x), the slope of σ where it is x.
HWY_INLINE FloatVec sigmoid_slope(FloatVec x) { return hn::NegMulAdd(x, x, x); }
// 1 - x², the slope of tanh where it is x.
HWY_INLINE FloatVec tanh_slope(FloatVec x) { return hn::NegMulAdd(x, x, constant(1.0f)); }

HWY_INLINE void store_twice(FloatVec value, float* a, float* b, int64_t count) {
  store(value, a, count);
  store(value, b, count);
}

void lstm(const LstmStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const float* const x = s.inputs.of(token) + j;
    const float* const sum = s.sums + row * 4 * u + j;
    float* const state = s.c + row * u + j;
    const FloatVec before = load(state, count);
    const FloatVec i = sigmoid(load_sum(x, sum, count));
    const FloatVec f = sigmoid(load_sum(x + u, sum + u, count));
    const FloatVec g = tanh(load_sum(x + 2 * u, sum + 2 * u, count));
    const FloatVec o = sigmoid(load_sum(x + 3 * u, sum + 3 * u, count));
    const FloatVec c = hn::MulAdd(f, before, hn::Mul(i, g));
    store(c, state, count);
    store_twice(hn::Mul(o, tanh(c)), s.h + row * u + j, s.output.of(token) + j, count);
    if (s.saved_gates.first == nullptr) return;
    float* const saved = s.saved_gates.of(token) + j;
    store(i, saved, count);
    store(f, saved + u, count);
    store(g, saved + 2 * u, count);
    store(o, saved + 3 * u, count);
    store(before, s.saved_cells.of(token) + j, count);
  });
}

void lstm_backward(const LstmBackwardStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const float* const gates = s.saved_gates.of(token) + j;
    const FloatVec i = load(gates, count), f = load(gates + u, count);
    const FloatVec g = load(gates + 2 * u, count), o = load(gates + 3 * u, count);
    const FloatVec before = load(s.saved_cells.of(token) + j, count);
    const FloatVec tanh_c = tanh(hn::MulAdd(f, before, hn::Mul(i, g)));
    const FloatVec d_h = load_sum(s.d_output.of(token) + j, s.d_h + row * u + j, count);
    float* const d_state = s.d_c + row * u + j;
    const FloatVec d_c = hn::Add(load(d_state, count), scaled(d_h, hn::Mul(o, tanh_slope(tanh_c))));
    store(scaled(d_c, f), d_state, count);
    float* const d_sums = s.d_sums + row * 4 * u + j;
    float* const d_inputs = s.d_inputs.of(token) + j;
    const auto put = [&](int64_t gate, FloatVec d) {
      store_twice(d, d_sums + gate * u, d_inputs + gate * u, count);
    };
    put(0, scaled(d_c, hn::Mul(g, sigmoid_slope(i))));
    put(1, scaled(d_c, hn::Mul(before, sigmoid_slope(f))));
    put(2, scaled(d_c, hn::Mul(i, tanh_slope(g))));
    put(3, scaled(d_h, hn::Mul(tanh_c, sigmoid_slope(o))));
  });
}

void gru_gates(const GruStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const float* const x = s.inputs.of(token) + j;
    float* const sum = s.sums + row * 3 * u + j;
    const FloatVec r = sigmoid(load_sum(x, sum, count));
    store(r, sum, count);
    store(sigmoid(load_sum(x + u, sum + u, count)), sum + u, count);
    if (s.reset_after) return;
    store(hn::Mul(r, load(s.h + row * u + j, count)), s.reset_h + row * u + j, count);
  });
}

void gru_state(const GruStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const float* const sum = s.sums + row * 3 * u + j;
    const FloatVec r = load(sum, count), z = load(sum + u, count);
    const FloatVec from_h = load(sum + 2 * u, count);
    const FloatVec reset = s.reset_after ? r : constant(1.0f);
    const FloatVec n = tanh(hn::MulAdd(reset, from_h, load(s.inputs.of(token) + 2 * u + j, count)));
    float* const h = s.h + row * u + j;
    store_twice(hn::MulAdd(z, hn::Sub(load(h, count), n), n), h, s.output.of(token) + j, count);
    if (s.saved.first == nullptr) return;
    float* const saved = s.saved.of(token) + j;
    store(r, saved, count);
    store(z, saved + u, count);
    store(n, saved + 2 * u, count);
    store(from_h, saved + 3 * u, count);
  });
}

void gru_state_backward(const GruBackwardStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const float* const saved = s.saved.of(token) + j;
    const FloatVec r = load(saved, count), z = load(saved + u, count);
    const FloatVec n = load(saved + 2 * u, count), from_h = load(saved + 3 * u, count);
    const FloatVec d_h = load_sum(s.d_output.of(token) + j, s.d_h + row * u + j, count);
    const FloatVec change = hn::Sub(load(s.previous.of(token) + j, count), n);
    const FloatVec d_z = scaled(d_h, hn::Mul(change, sigmoid_slope(z)));
    const FloatVec d_n = scaled(d_h, hn::Mul(hn::Sub(constant(1.0f), z), tanh_slope(n)));
    float* const d_sums = s.d_sums + row * 3 * u + j;
    float* const d_inputs = s.d_inputs.of(token) + j;
    store(scaled(d_h, z), s.d_kept_h + row * u + j, count);
    store_twice(d_z, d_sums + u, d_inputs + u, count);
    store(d_n, d_inputs + 2 * u, count);
    store(s.reset_after ? scaled(d_n, r) : d_n, d_sums + 2 * u, count);
    if (!s.reset_after) return;
    store_twice(scaled(d_n, hn::Mul(from_h, sigmoid_slope(r))), d_sums, d_inputs, count);
  });
}

void gru_gates_backward(const GruBackwardStep<float>& s) noexcept {
  const int64_t u = s.units;
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const FloatVec r = load(s.saved.of(token) + j, count);
    const FloatVec d_reset_h = load(s.d_reset_h + row * u + j, count);
    const FloatVec previous = load(s.previous.of(token) + j, count);
    float* const kept = s.d_kept_h + row * u + j;
    store(hn::Add(load(kept, count), scaled(d_reset_h, r)), kept, count);
    store_twice(scaled(d_reset_h, hn::Mul(previous, sigmoid_slope(r))), s.d_sums + row * 3 * u + j,
                s.d_inputs.of(token) + j, count);
  });
}

void rnn(const RnnStep<float>& s) noexcept {
  const auto run = [&](auto activation) {
    for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
      const int64_t at = row * s.units + j;
      const FloatVec x = load_sum(s.inputs.of(token) + j, s.sums + at, count);
      store_twice(activate<activation.value>(x), s.h + at, s.output.of(token) + j, count);
    });
  };
  with_activation(s.activation, run);
}

void rnn_backward(const RnnBackwardStep<float>& s) noexcept {
  for_each_vector(s, [&](int64_t row, int64_t token, int64_t j, int64_t count) {
    const int64_t at = row * s.units + j;
    const FloatVec h = load(s.output.of(token) + j, count);
    const FloatVec d_h = load_sum(s.d_output.of(token) + j, s.d_h + at, count);
    const FloatVec d = s.activation == Activation::tanh
                           ? scaled(d_h, tanh_slope(h))
                           : hn::IfThenElseZero(hn::Gt(h, hn::Zero(kFloat)), d_h);
    store_twice(d, s.d_sums + at, s.d_inputs.of(token) + j, count);
  });
}

}  // namespace

extern const RecurrentCells<float> kRecurrentCells;
const RecurrentCells<float> kRecurrentCells = {lstm,      lstm_backward,      gru_gates,
                                               gru_state, gru_state_backward, gru_gates_backward,
                                               rnn,       rnn_backward};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

template <>
const RecurrentCells<float>& recurrent_cells(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kRecurrentCells);
}

template <>
const RecurrentCells<double>& recurrent_cells(Isa) noexcept {
  return ref::recurrent_cells<double>();
}

}  // namespace nopad::kernels
#endif
