#include "nn/recurrent_weights.h"

#include <algorithm>
#include <string>
#include <vector>

#include "nn/keras_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/rearrange.h"

namespace nopad::nn {
namespace {

Tensor stacked(const Tensor& forward, const Tensor& backward) {
  return ops::stack({forward, backward}, 0);
}

// What of_direction(is_backward) gives for forward and, where both run, for backward.
template <class F>
RecurrentWeights all_directions(const RecurrentCell& cell, const RecurrentConfig& config,
                                const F& of_direction) {
  RecurrentWeights forward = of_direction(false);
  if (!config.bidirectional) return forward;
  const RecurrentWeights backward = of_direction(true);
  RecurrentWeights both{
      .weight = ops::concat({forward.weight, backward.weight}, 0),
      .recurrent_weight = stacked(forward.recurrent_weight, backward.recurrent_weight)};
  if (!config.use_bias) return both;
  both.bias = ops::concat({forward.bias, backward.bias}, 0);
  if (cell.has_recurrent_bias) {
    both.recurrent_bias = stacked(forward.recurrent_bias, backward.recurrent_bias);
  }
  return both;
}

RecurrentWeights draw_direction(const RecurrentCell& cell, const RecurrentConfig& config,
                                int64_t num_inputs) {
  const int64_t u = config.units, rows = cell.num_gates * u;
  const auto draw = [](const Initializer& initializer, const Shape& shape) {
    return make_initialized(initializer, shape, DType::f64);
  };
  RecurrentWeights out{.weight = draw(Initializer::glorot_uniform(), {rows, num_inputs}),
                       .recurrent_weight = draw(Initializer::orthogonal(), {rows, u})};
  if (!config.use_bias) return out;
  out.bias = Tensor::zeros({rows}, DType::f64);
  if (cell.open_gate) {
    const auto open = out.bias.mutable_values<double>().subspan(
        static_cast<size_t>(*cell.open_gate * u), static_cast<size_t>(u));
    std::ranges::fill(open, 1.0);
  }
  if (cell.has_recurrent_bias) out.recurrent_bias = Tensor::zeros({rows}, DType::f64);
  return out;
}

void expect_no_bias(const WeightSource& source, const std::string& name) {
  if (!source.contains(name)) return;
  fail<WeightError>(source.description(), ": ", name, ": expected none, since use_bias is false");
}

RecurrentWeights read_pytorch_direction(const RecurrentCell& cell, const RecurrentConfig& config,
                                        const WeightSource& source, std::string_view prefix,
                                        const std::string& suffix) {
  const int64_t u = config.units, rows = cell.num_gates * u;
  const std::string weight = join(prefix, "weight_ih" + suffix);
  const std::string bias = join(prefix, "bias_ih" + suffix);
  const Shape stored = source.shape(weight);
  const int64_t num_inputs = stored.rank() == 2 ? stored[1] : 0;
  RecurrentWeights out{
      .weight = load_weight(source, weight, {rows, num_inputs}),
      .recurrent_weight = load_weight(source, join(prefix, "weight_hh" + suffix), {rows, u})};
  if (!config.use_bias) {
    expect_no_bias(source, bias);
    return out;
  }
  out.bias = load_weight(source, bias, {rows});
  out.recurrent_bias = load_weight(source, join(prefix, "bias_hh" + suffix), {rows});
  if (cell.has_recurrent_bias) return out;
  // Where both are added to the same sums, their sum is all that matters.
  out.bias = ops::add(out.bias, out.recurrent_bias);
  out.recurrent_bias = Tensor();
  return out;
}

// The gates of [G U, ...] one after another, in the order that the op has them.
Tensor in_our_order(const RecurrentCell& cell, const Tensor& keras_gates) {
  if (cell.num_gates == 1) return keras_gates;
  const std::vector<Tensor> gates = ops::split(keras_gates, cell.num_gates, 0);
  std::vector<Tensor> ours;
  for (size_t i = 0; i < gates.size(); ++i) ours.push_back(gates[cell.keras_gates[i]]);
  return ops::concat(ours, 0);
}

// The path of the only cell below `prefix` whose own part of it begins with `direction`.
std::string find_cell(const WeightSource& source, std::string_view prefix,
                      std::string_view direction) {
  const std::string begin = join_keras(prefix, direction);
  constexpr std::string_view kEnd = "/kernel";
  std::vector<std::string> found;
  for (const std::string& name : source.names()) {
    if (!name.starts_with(begin) || !name.ends_with(kEnd)) continue;
    found.push_back(name.substr(0, name.size() - kEnd.size()));
  }
  if (found.size() != 1) {
    fail<WeightError>(source.description(), ": ", begin, "*", kEnd, ": expected one weight, got ",
                      found.size());
  }
  return found.front();
}

RecurrentWeights read_keras_cell(const RecurrentCell& cell, const RecurrentConfig& config,
                                 const WeightSource& source, const std::string& path) {
  const int64_t rows = cell.num_gates * config.units;
  const std::string bias = join_keras(path, "bias");
  const auto kernel = [&](std::string_view name) {
    return in_our_order(cell, load_keras_kernel(source, join_keras(path, name), rows));
  };
  RecurrentWeights out{.weight = kernel("kernel"), .recurrent_weight = kernel("recurrent_kernel")};
  if (!config.use_bias) {
    expect_no_bias(source, bias);
  } else if (cell.has_recurrent_bias) {
    const Tensor both = load_weight(source, bias, {2, rows});
    out.bias = in_our_order(cell, both.rows(0, 1).reshape({rows}));
    out.recurrent_bias = in_our_order(cell, both.rows(1, 2).reshape({rows}));
  } else {
    out.bias = in_our_order(cell, load_weight(source, bias, {rows}));
  }
  return out;
}

}  // namespace

RecurrentWeights draw_weights(const RecurrentCell& cell, const RecurrentConfig& config,
                              int64_t num_inputs) {
  return all_directions(cell, config,
                        [&](bool) { return draw_direction(cell, config, num_inputs); });
}

RecurrentWeights read_pytorch(const RecurrentCell& cell, const RecurrentConfig& config,
                              const WeightSource& source, std::string_view prefix, size_t level) {
  return all_directions(cell, config, [&](bool is_backward) {
    const std::string suffix = concat("_l", level, is_backward ? "_reverse" : "");
    return read_pytorch_direction(cell, config, source, prefix, suffix);
  });
}

RecurrentWeights read_keras(const RecurrentCell& cell, const RecurrentConfig& config,
                            const WeightSource& source, std::string_view prefix) {
  return all_directions(cell, config, [&](bool is_backward) {
    const std::string_view direction = is_backward ? "backward_" : "forward_";
    const std::string path = find_cell(source, prefix, config.bidirectional ? direction : "");
    return read_keras_cell(cell, config, source, path);
  });
}

}  // namespace nopad::nn
