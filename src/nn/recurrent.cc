#include "nopad/nn/recurrent.h"

#include "nn/recurrent_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/linear.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/tokens.h"

namespace nopad::nn {
namespace {

// Settings may come from a file: what is beyond these is no network.
constexpr int64_t kMaxUnits = int64_t{1} << 16;
constexpr int64_t kMaxLayers = 1000;

bool is_given(const Tensor& state) { return state.shape() != Shape{0}; }

// "weight", "weight_2", ...
std::string name_of(std::string_view weight, size_t level) {
  return level == 0 ? std::string(weight) : concat(weight, "_", level + 1);
}

ops::Direction direction_of(const RecurrentConfig& config) {
  if (config.bidirectional) return ops::Direction::bidirectional;
  return config.go_backwards ? ops::Direction::backward : ops::Direction::forward;
}

}  // namespace

Recurrent::Recurrent(std::string kind, const Config& config)
    : Layer(std::move(kind)), config_(config) {
  add_levels();
}

void Recurrent::add_levels() {
  if (config_.layers < 1 || config_.layers > kMaxLayers) {
    fail<OptionError>(kind(), ": layers: expected 1 to ", kMaxLayers, ", got ", config_.layers);
  }
  while (std::ssize(levels_) < config_.layers) {
    const size_t i = levels_.size();
    levels_.push_back({add_parameter(name_of("weight", i)),
                       add_parameter(name_of("recurrent_weight", i)),
                       add_parameter(name_of("bias", i)),
                       add_parameter(name_of("recurrent_bias", i)),
                       {}});
    if (i == 0 || config_.dropout == 0) continue;
    levels_[i].dropout = add_layer(name_of("dropout", i), Dropout({.rate = config_.dropout}));
  }
}

void Recurrent::expect_config() const {
  if (config_.units < 1 || config_.units > kMaxUnits) {
    fail<OptionError>(kind(), ": units: expected 1 to ", kMaxUnits, ", got ", config_.units);
  }
  if (config_.bidirectional && config_.go_backwards) {
    fail<OptionError>(kind(),
                      ": go_backwards: expected false, since both directions run, got true");
  }
}

void Recurrent::visit_config(ConfigVisitor& visitor) {
  visitor.field("units", config_.units);
  visitor.field("layers", config_.layers);
  visitor.field("bidirectional", config_.bidirectional);
  visitor.field("go_backwards", config_.go_backwards);
  visitor.field("return_sequences", config_.return_sequences);
  visitor.field("return_state", config_.return_state);
  visitor.field("use_bias", config_.use_bias);
  visitor.field("dropout", config_.dropout);
  add_levels();  // a reader may have asked for more
}

void Recurrent::make_weights(std::span<const Spec> inputs) const {
  expect_config();
  if (inputs.empty()) expect_inputs(0, 1);
  if (inputs[0].row.size() != 1) {
    fail<ShapeError>(kind(), ": input: expected [T, D], got ", inputs[0]);
  }
  int64_t num_inputs = inputs[0].dim(-1, kind());
  const int64_t width = num_directions() * config_.units;
  for (const Level& level : levels_) {
    if (!level.weight.has_value()) assign(level, draw_weights(cell(), config_, num_inputs));
    // One that was loaded may be for other inputs.
    level.weight.initialize({cell().num_gates * width, num_inputs}, {});
    num_inputs = width;
  }
}

void Recurrent::assign(const Level& level, const RecurrentWeights& weights) const {
  level.weight.assign(weights.weight);
  level.recurrent_weight.assign(weights.recurrent_weight);
  if (!config_.use_bias) return;
  level.bias.assign(weights.bias);
  if (cell().has_recurrent_bias) level.recurrent_bias.assign(weights.recurrent_bias);
}

void Recurrent::load_pytorch(const WeightSource& source, std::string_view prefix) const {
  expect_config();
  if (!cell().is_in_pytorch) {
    fail<OptionError>(kind(),
                      ": load_pytorch: expected a reset after the product, as PyTorch has it, got "
                      "one before");
  }
  for (size_t i = 0; i < levels_.size(); ++i) {
    assign(levels_[i], read_pytorch(cell(), config_, source, prefix, i));
  }
}

void Recurrent::load_keras(const WeightSource& source, std::string_view prefix) const {
  expect_config();
  if (config_.layers != 1) {
    fail<OptionError>(kind(), ": load_keras: expected one level, as a layer of Keras has, got ",
                      config_.layers);
  }
  assign(levels_[0], read_keras(cell(), config_, source, prefix));
}

void Recurrent::expect_state(std::string_view name, const Tensor& state,
                             int64_t num_sequences) const {
  const Shape one{num_sequences, config_.units};
  const Shape expected =
      num_states() == 1 ? one : Shape{num_states(), num_sequences, config_.units};
  if (!is_given(state) || state.shape() == expected) return;
  fail<ShapeError>(kind(), ": ", name, ": expected ", expected, ", got ", state.shape());
}

// Of the states [layers N, B, U] what the op of one level takes: [B, U], or [2, B, U].
Tensor Recurrent::state_of_level(const Tensor& states, int64_t level) const {
  if (config_.layers == 1 || !is_given(states)) return states;
  const int64_t n = num_directions();
  const Tensor own = ops::slice(states, 0, level * n, (level + 1) * n);
  return n == 1 ? ops::squeeze(own, 0) : own;
}

Tensor Recurrent::all_levels(const std::vector<Tensor>& states) const {
  if (states.size() == 1) return states[0];
  return num_directions() == 1 ? ops::stack(states, 0) : ops::concat(states, 0);
}

Recurrent::Steps Recurrent::run(const RaggedTensor& x, const States& first) const {
  if (!is_built()) {
    const Spec spec = Spec::of(x);
    build({&spec, 1});
  }
  if (x.values().rank() != 2) {
    fail<ShapeError>(kind(), ": input: expected [T, D], got ", x.values().shape());
  }
  expect_state("h0", first.h, x.layout().num_sequences());
  expect_state("c0", first.c, x.layout().num_sequences());
  const bool has_recurrent_bias = config_.use_bias && cell().has_recurrent_bias;
  RaggedTensor output = x;
  std::vector<Tensor> h, c;
  for (int64_t i = 0; i < config_.layers; ++i) {
    const Level& level = levels_[static_cast<size_t>(i)];
    if (level.dropout) output = (*level.dropout)(output);
    const RaggedTensor gates =
        ops::linear(output, *level.weight, config_.use_bias ? *level.bias : Tensor());
    Steps steps =
        walk(gates, *level.recurrent_weight, has_recurrent_bias ? *level.recurrent_bias : Tensor(),
             {state_of_level(first.h, i), state_of_level(first.c, i)}, direction_of(config_));
    output = std::move(steps.output);
    h.push_back(std::move(steps.last.h));
    c.push_back(std::move(steps.last.c));
  }
  if (config_.go_backwards) output = ops::reverse_tokens(output);
  return {std::move(output), {all_levels(h), cell().has_c ? all_levels(c) : Tensor()}};
}

// The inputs after x, h before c of each level and direction, as run takes them.
Recurrent::States Recurrent::initial_states(std::span<const Value> inputs) const {
  const size_t each = cell().has_c ? 2 : 1;
  const size_t expected = 1 + static_cast<size_t>(num_states()) * each;
  if (inputs.size() != 1 && inputs.size() != expected) {
    fail<ShapeError>(kind(), ": inputs: expected x, or x and ", expected - 1, " states, got ",
                     inputs.size());
  }
  const auto gather = [&](size_t begin) {
    std::vector<Tensor> states;
    for (size_t i = begin; i < inputs.size(); i += each) states.push_back(inputs[i].dense(kind()));
    if (states.empty()) return Tensor();
    return states.size() == 1 ? states[0] : ops::stack(states, 0);
  };
  return {gather(1), each == 2 ? gather(2) : Tensor()};
}

// The top level's last states [B, N U].
Tensor Recurrent::final_output(const Tensor& h) const {
  Tensor top = state_of_level(h, config_.layers - 1);
  if (num_directions() == 1) return top;
  return ops::reshape(ops::swap_axes(top, 0, 1), {top.dim(1), 2 * config_.units});
}

std::vector<Value> Recurrent::call_values(std::span<const Value> inputs) const {
  const Steps steps = run(inputs[0].ragged(kind()), initial_states(inputs));
  std::vector<Value> out;
  if (config_.return_sequences) {
    out.emplace_back(steps.output);
  } else {
    out.emplace_back(final_output(steps.last.h));
  }
  if (!config_.return_state) return out;
  const auto append = [&](const Tensor& states, int64_t i) {
    out.emplace_back(num_states() == 1 ? states : ops::squeeze(ops::slice(states, 0, i, i + 1), 0));
  };
  for (int64_t i = 0; i < num_states(); ++i) {
    append(steps.last.h, i);
    if (cell().has_c) append(steps.last.c, i);
  }
  return out;
}

}  // namespace nopad::nn
