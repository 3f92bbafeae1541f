#include "kernels/recurrent.h"

#include <cmath>

namespace nopad::kernels::ref {
namespace {

template <class T>
T sigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

// A gradient of zero stays zero, whatever the value: a NaN in a token that a loss dropped must not
// come back.
template <class T>
T scaled(T gradient, T factor) {
  return gradient == 0 ? 0 : gradient * factor;
}

// Calls f(row, token, unit) for every element of a step's states.
template <class F>
void for_each_unit(const RecurrentStep& step, F&& f) {
  for (int64_t row = 0; row < step.rows; ++row) {
    for (int64_t j = 0; j < step.units; ++j) f(row, step.tokens[row], j);
  }
}

template <class T>
void lstm(const LstmStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T* const x = s.inputs.of(token) + j;
    const T* const sum = s.sums + row * 4 * u + j;
    const T i = sigmoid(x[0] + sum[0]), f = sigmoid(x[u] + sum[u]);
    const T g = std::tanh(x[2 * u] + sum[2 * u]), o = sigmoid(x[3 * u] + sum[3 * u]);
    T& c = s.c[row * u + j];
    if (s.saved_gates.first != nullptr) {
      T* const saved = s.saved_gates.of(token) + j;
      saved[0] = i, saved[u] = f, saved[2 * u] = g, saved[3 * u] = o;
      s.saved_cells.of(token)[j] = c;
    }
    c = f * c + i * g;
    s.h[row * u + j] = s.output.of(token)[j] = o * std::tanh(c);
  });
}

template <class T>
void lstm_backward(const LstmBackwardStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T* const gates = s.saved_gates.of(token) + j;
    const T i = gates[0], f = gates[u], g = gates[2 * u], o = gates[3 * u];
    const T before = s.saved_cells.of(token)[j];
    const T tanh_c = std::tanh(f * before + i * g);
    const T d_h = s.d_output.of(token)[j] + s.d_h[row * u + j];
    const T d_c = s.d_c[row * u + j] + scaled(d_h, o * (1 - tanh_c * tanh_c));
    const T d_gates[4] = {scaled(d_c, g * i * (1 - i)), scaled(d_c, before * f * (1 - f)),
                          scaled(d_c, i * (1 - g * g)), scaled(d_h, tanh_c * o * (1 - o))};
    s.d_c[row * u + j] = scaled(d_c, f);
    for (int64_t gate = 0; gate < 4; ++gate) {
      s.d_sums[(row * 4 + gate) * u + j] = s.d_inputs.of(token)[gate * u + j] = d_gates[gate];
    }
  });
}

template <class T>
void gru_gates(const GruStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T* const x = s.inputs.of(token) + j;
    T* const sum = s.sums + row * 3 * u + j;
    sum[0] = sigmoid(x[0] + sum[0]);
    sum[u] = sigmoid(x[u] + sum[u]);
    if (!s.reset_after) s.reset_h[row * u + j] = sum[0] * s.h[row * u + j];
  });
}

template <class T>
void gru_state(const GruStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T* const sum = s.sums + row * 3 * u + j;
    const T r = sum[0], z = sum[u], from_h = sum[2 * u];
    const T n = std::tanh(s.inputs.of(token)[2 * u + j] + (s.reset_after ? r * from_h : from_h));
    if (s.saved.first != nullptr) {
      T* const saved = s.saved.of(token) + j;
      saved[0] = r, saved[u] = z, saved[2 * u] = n, saved[3 * u] = from_h;
    }
    T& h = s.h[row * u + j];
    h = s.output.of(token)[j] = n + z * (h - n);
  });
}

template <class T>
void gru_state_backward(const GruBackwardStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T* const saved = s.saved.of(token) + j;
    const T r = saved[0], z = saved[u], n = saved[2 * u], from_h = saved[3 * u];
    T* const d_inputs = s.d_inputs.of(token) + j;
    T* const d_sums = s.d_sums + row * 3 * u + j;
    const T d_h = s.d_output.of(token)[j] + s.d_h[row * u + j];
    const T d_n = scaled(d_h, (1 - z) * (1 - n * n));
    s.d_kept_h[row * u + j] = scaled(d_h, z);
    d_sums[u] = d_inputs[u] = scaled(d_h, (s.previous.of(token)[j] - n) * z * (1 - z));
    d_inputs[2 * u] = d_n;
    d_sums[2 * u] = s.reset_after ? scaled(d_n, r) : d_n;
    if (s.reset_after) d_sums[0] = d_inputs[0] = scaled(d_n, from_h * r * (1 - r));
  });
}

template <class T>
void gru_gates_backward(const GruBackwardStep<T>& s) noexcept {
  const int64_t u = s.units;
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T r = s.saved.of(token)[j];
    const T d_reset_h = s.d_reset_h[row * u + j];
    s.d_kept_h[row * u + j] += scaled(d_reset_h, r);
    s.d_sums[row * 3 * u + j] = s.d_inputs.of(token)[j] =
        scaled(d_reset_h, s.previous.of(token)[j] * r * (1 - r));
  });
}

template <class T>
void rnn(const RnnStep<T>& s) noexcept {
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T x = s.inputs.of(token)[j] + s.sums[row * s.units + j];
    const bool is_dropped = s.activation == Activation::relu && x < 0;
    const T h = s.activation == Activation::tanh ? std::tanh(x) : is_dropped ? 0 : x;
    s.h[row * s.units + j] = s.output.of(token)[j] = h;
  });
}

template <class T>
void rnn_backward(const RnnBackwardStep<T>& s) noexcept {
  for_each_unit(s, [&](int64_t row, int64_t token, int64_t j) {
    const T h = s.output.of(token)[j];
    const T d_h = s.d_output.of(token)[j] + s.d_h[row * s.units + j];
    const T d = s.activation == Activation::tanh ? scaled(d_h, 1 - h * h) : h > 0 ? d_h : 0;
    s.d_sums[row * s.units + j] = s.d_inputs.of(token)[j] = d;
  });
}

template <class T>
constexpr RecurrentCells<T> kCells = {lstm<T>,      lstm_backward<T>,      gru_gates<T>,
                                      gru_state<T>, gru_state_backward<T>, gru_gates_backward<T>,
                                      rnn<T>,       rnn_backward<T>};

}  // namespace

template <class T>
const RecurrentCells<T>& recurrent_cells() noexcept {
  return kCells<T>;
}
template const RecurrentCells<float>& recurrent_cells() noexcept;
template const RecurrentCells<double>& recurrent_cells() noexcept;

}  // namespace nopad::kernels::ref
