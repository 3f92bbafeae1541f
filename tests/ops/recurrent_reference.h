// The recurrences as plain loops over one sequence after another, in f64.
#pragma once

#include <cmath>
#include <vector>

#include "nopad/ops/recurrent.h"

namespace nopad::test {

using Row = std::vector<double>;

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One direction's weight and states, and how a step goes from one state to the next.
struct PlainRecurrence {
  int64_t units;
  const double* weight;          // [G U, U]
  const double* bias = nullptr;  // [G U], or none
  ops::GruReset reset = ops::GruReset::after;
  Activation activation = Activation::tanh;

  double product(int64_t gate, int64_t j, const Row& h) const {
    double sum = bias == nullptr ? 0 : bias[gate * units + j];
    for (int64_t k = 0; k < units; ++k) {
      sum += weight[(gate * units + j) * units + k] * h[static_cast<size_t>(k)];
    }
    return sum;
  }
  void lstm(const double* x, Row& h, Row& c) const {
    const Row before = h;
    for (int64_t j = 0; j < units; ++j) {
      const auto gate = [&](int64_t g) { return x[g * units + j] + product(g, j, before); };
      const auto at = static_cast<size_t>(j);
      c[at] = sigmoid(gate(1)) * c[at] + sigmoid(gate(0)) * std::tanh(gate(2));
      h[at] = sigmoid(gate(3)) * std::tanh(c[at]);
    }
  }
  void gru(const double* x, Row& h, Row&) const {
    const Row before = h;
    Row r(h.size()), reset_h(h.size());
    for (size_t j = 0; j < h.size(); ++j) {
      r[j] = sigmoid(x[j] + product(0, static_cast<int64_t>(j), before));
      reset_h[j] = r[j] * before[j];
    }
    for (size_t at = 0; at < h.size(); ++at) {
      const auto j = static_cast<int64_t>(at);
      const double z = sigmoid(x[units + j] + product(1, j, before));
      const double from_h =
          reset == ops::GruReset::after ? r[at] * product(2, j, before) : product(2, j, reset_h);
      h[at] = (1 - z) * std::tanh(x[2 * units + j] + from_h) + z * before[at];
    }
  }
  void rnn(const double* x, Row& h, Row&) const {
    const Row before = h;
    for (size_t at = 0; at < h.size(); ++at) {
      const auto j = static_cast<int64_t>(at);
      const double sum = x[j] + product(0, j, before);
      h[at] = activation == Activation::tanh ? std::tanh(sum) : std::max(sum, 0.0);
    }
  }
};

// What a call should give: output [T, N U], states [N, B, U] in a row.
struct PlainResult {
  Row output, h, c;
};

using PlainStep = void (PlainRecurrence::*)(const double*, Row&, Row&) const;

// gates, weight, bias, h0, c0 : f64, as the ops take them
struct PlainOperands {
  RaggedTensor gates;
  Tensor weight, bias = {}, h0 = {}, c0 = {};
  ops::Direction direction = ops::Direction::forward;
  PlainRecurrence options = {};
};

inline PlainResult run_plainly(const PlainOperands& x, int64_t num_gates, PlainStep step) {
  const int64_t u = x.weight.dim(-1), n = x.direction == ops::Direction::bidirectional ? 2 : 1;
  const RaggedLayout& layout = x.gates.layout();
  const auto data = [](const Tensor& t) { return t.values<double>().data(); };
  PlainResult out{Row(static_cast<size_t>(layout.num_tokens() * n * u)), {}, {}};
  for (int64_t d = 0; d < n; ++d) {
    PlainRecurrence plain = x.options;
    plain.units = u;
    plain.weight = data(x.weight) + d * num_gates * u * u;
    if (x.bias.num_elements() > 0) plain.bias = data(x.bias) + d * num_gates * u;
    const bool backward = d == 1 || x.direction == ops::Direction::backward;
    for (int64_t b = 0; b < layout.num_sequences(); ++b) {
      const auto initial = [&](const Tensor& states) {
        if (states.num_elements() == 0) return Row(static_cast<size_t>(u));
        const double* const row = data(states) + (d * layout.num_sequences() + b) * u;
        return Row(row, row + u);
      };
      Row h = initial(x.h0), c = initial(x.c0);
      for (int64_t s = 0; s < layout.length(b); ++s) {
        const int64_t token = backward ? layout.offset(b + 1) - 1 - s : layout.offset(b) + s;
        (plain.*step)(data(x.gates.values()) + (token * n + d) * num_gates * u, h, c);
        std::ranges::copy(h, out.output.begin() + (token * n + d) * u);
      }
      out.h.insert(out.h.end(), h.begin(), h.end());
      out.c.insert(out.c.end(), c.begin(), c.end());
    }
  }
  return out;
}

}  // namespace nopad::test
