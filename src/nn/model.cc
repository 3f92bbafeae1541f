#include "nopad/nn/model.h"

#include <algorithm>
#include <map>

#include "nn/layer_names.h"
#include "nopad/core/error.h"

namespace nopad::nn {

struct Model::Graph {
  std::vector<Symbol> inputs, outputs;
  std::vector<Step> steps;
  std::vector<Edge> output_edges;
  std::vector<int64_t> num_uses;  // of each step's results, by steps and by the model's outputs
  MaskRule rule;
};

namespace {

using Places = std::map<const Call*, int64_t>;

// The calls that the outputs need, each after its inputs. Without recursion: graphs may be deep.
std::vector<std::shared_ptr<const Call>> sorted_calls(std::span<const Symbol> inputs,
                                                      std::span<const Symbol> outputs) {
  struct Visit {
    std::shared_ptr<const Call> call;
    size_t next_input;
  };
  std::vector<std::shared_ptr<const Call>> sorted;
  std::map<const Call*, bool> seen;
  std::vector<Visit> path;
  const auto enter = [&](const Symbol& symbol) {
    if (seen.emplace(symbol.call().get(), true).second) path.push_back({symbol.call(), 0});
  };
  const auto finish = [&] {
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next_input < visit.call->inputs.size()) {
        enter(visit.call->inputs[visit.next_input++]);
      } else {
        sorted.push_back(visit.call);
        path.pop_back();
      }
    }
  };
  for (const Symbol& input : inputs) {
    enter(input);
    finish();
  }
  for (const Symbol& output : outputs) {
    enter(output);
    finish();
  }
  return sorted;
}

std::vector<Model::Edge> edges_to(std::span<const Symbol> symbols, const Places& places) {
  std::vector<Model::Edge> edges;
  for (const Symbol& symbol : symbols) {
    edges.push_back({places.at(symbol.call().get()), symbol.output()});
  }
  return edges;
}

void expect_inputs_given(std::span<const Symbol> inputs,
                         std::span<const std::shared_ptr<const Call>> calls) {
  for (const Symbol& input : inputs) {
    if (input.call()->layer == nullptr) continue;
    fail<OptionError>("Model: inputs: expected symbols made by input(), got an output of ",
                      input.call()->layer->kind());
  }
  for (const auto& call : calls) {
    const auto is_it = [&](const Symbol& input) { return input.call() == call; };
    if (call->layer == nullptr && std::ranges::none_of(inputs, is_it)) {
      fail<OptionError>("Model: inputs: expected '", call->name,
                        "' among them, since an output depends on it");
    }
  }
}

std::vector<Model::Step> make_steps(std::span<const std::shared_ptr<const Call>> calls,
                                    Places& places) {
  std::vector<std::shared_ptr<const Layer>> layers;
  for (const auto& call : calls) {
    if (call->layer != nullptr) layers.push_back(call->layer);
  }
  const std::vector<std::string> names = name_layers(layers);
  auto name = names.begin();
  std::vector<Model::Step> steps;
  for (const auto& call : calls) {
    const bool is_input = call->layer == nullptr;
    steps.push_back({call, is_input ? call->name : *name++, edges_to(call->inputs, places)});
    places[call.get()] = std::ssize(steps) - 1;
  }
  return steps;
}

std::vector<int64_t> count_uses(std::span<const Model::Step> steps,
                                std::span<const Model::Edge> outputs) {
  std::vector<int64_t> uses(steps.size());
  for (const Model::Step& step : steps) {
    for (const Model::Edge& edge : step.inputs) ++uses[static_cast<size_t>(edge.call)];
  }
  for (const Model::Edge& edge : outputs) ++uses[static_cast<size_t>(edge.call)];
  return uses;
}

MaskRule rule_of(std::span<const Symbol> inputs, std::span<const Symbol> outputs) {
  const auto is_ragged = [](const Symbol& symbol) { return symbol.spec().is_ragged; };
  const auto before = std::ranges::find_if(inputs, is_ragged);
  const bool takes_tokens = before != inputs.end();
  if (std::ranges::none_of(outputs, is_ragged)) {
    return takes_tokens ? MaskRule::reduces : MaskRule::refuses;
  }
  if (!takes_tokens) return MaskRule::makes;
  // `mixes` promises the layout of the first input; a decoder's output may follow the second.
  const auto is_kept = [&](const Symbol& output) {
    return !is_ragged(output) || output.spec().layout == before->spec().layout;
  };
  return std::ranges::all_of(outputs, is_kept) ? MaskRule::mixes : MaskRule::relays;
}

// A value is what its input said, up to dimensions that were left open.
void expect_spec(const Value& value, const Symbol& input) {
  const Spec got = Spec::of(value);
  const Spec& expected = input.spec();
  const std::string who = concat("Model: ", input.call()->name);
  if (expected.is_ragged) {
    value.ragged(who);
  } else {
    value.dense(who);
  }
  const auto fits = [](int64_t actual, int64_t wanted) {
    return wanted == kAny || actual == wanted;
  };
  if (!std::ranges::equal(got.row, expected.row, fits)) {
    fail<ShapeError>(who, ": expected ", expected, ", got ", got);
  }
  if (got.dtype != expected.dtype) {
    fail<DTypeError>(who, ": expected ", expected.dtype, ", got ", got.dtype);
  }
}

void expect_specs(std::span<const Value> values, std::span<const Symbol> inputs) {
  std::map<int, const RaggedLayout*> layouts;
  for (size_t i = 0; i < values.size(); ++i) {
    expect_spec(values[i], inputs[i]);
    if (!values[i].is_ragged()) continue;
    const RaggedLayout& layout = values[i].ragged().layout();
    const auto [place, unused] = layouts.try_emplace(inputs[i].spec().layout, &layout);
    expect_layout(layout, *place->second, concat("Model: ", inputs[i].call()->name),
                  "the first input");
  }
}

}  // namespace

Model::Model(std::vector<Symbol> inputs, std::vector<Symbol> outputs) : Layer("Model") {
  const auto calls = sorted_calls(inputs, outputs);
  expect_inputs_given(inputs, calls);
  Places places;
  auto graph = std::make_shared<Graph>();
  graph->steps = make_steps(calls, places);
  graph->output_edges = edges_to(outputs, places);
  graph->num_uses = count_uses(graph->steps, graph->output_edges);
  graph->rule = rule_of(inputs, outputs);
  graph->inputs = std::move(inputs);
  graph->outputs = std::move(outputs);
  for (const Step& step : graph->steps) {
    if (step.call->layer != nullptr) add_layer(step.name, step.call->layer);
  }
  graph_ = std::move(graph);
}

const std::vector<Symbol>& Model::inputs() const noexcept { return graph_->inputs; }
const std::vector<Symbol>& Model::outputs() const noexcept { return graph_->outputs; }
const std::vector<Model::Step>& Model::steps() const noexcept { return graph_->steps; }
const std::vector<Model::Edge>& Model::output_edges() const noexcept {
  return graph_->output_edges;
}
MaskRule Model::mask_rule() const noexcept { return graph_->rule; }

std::vector<Value> Model::call_values(std::span<const Value> inputs) const {
  expect_inputs(inputs.size(), graph_->inputs.size());
  expect_specs(inputs, graph_->inputs);
  std::vector<std::vector<Value>> results;
  std::vector<int64_t> uses_left = graph_->num_uses;
  // A result is let go with its last use, so that memory follows the widest place of the graph.
  const auto take = [&](const std::vector<Edge>& edges) {
    std::vector<Value> values;
    for (const Edge& edge : edges) {
      const auto call = static_cast<size_t>(edge.call);
      values.push_back(results[call][static_cast<size_t>(edge.output)]);
      if (--uses_left[call] == 0) results[call].clear();
    }
    return values;
  };
  // The inputs come first among the steps, in their order.
  for (const Value& input : inputs) results.push_back({input});
  for (const Step& step : std::span(graph_->steps).subspan(inputs.size())) {
    results.push_back(step.call->layer->apply(take(step.inputs)));
  }
  return take(graph_->output_edges);
}

Summary Model::summary() const {
  std::vector<SummaryRow> rows;
  for (const Step& step : graph_->steps) {
    std::vector<std::string> names;
    std::vector<Spec> specs;
    for (const Edge& edge : step.inputs) {
      names.push_back(rows[static_cast<size_t>(edge.call)].name);
    }
    for (const Symbol& symbol : step.call->inputs) specs.push_back(symbol.spec());
    if (step.call->layer == nullptr) {
      rows.push_back({.name = step.name, .outputs = step.call->outputs});
    } else {
      rows.push_back(
          summary_row(*step.call->layer, step.name, std::move(names), specs, step.call->outputs));
    }
  }
  return summarize(*this, std::move(rows));
}

}  // namespace nopad::nn
