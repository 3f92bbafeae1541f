#include <cmath>
#include <string>
#include <vector>

#include "models/model_json.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"

namespace nopad::models {
namespace {

using Json = nlohmann::ordered_json;

// A list of layers in which each stands once, after those inside it.
class LayerList {
 public:
  // The layer's place; it is added unless it is there.
  int64_t add(const nn::Layer& layer);
  Json take() { return std::move(entries_); }

 private:
  std::vector<std::unique_ptr<nn::Layer>> layers_;
  Json entries_ = Json::array();
};

// Notes the settings of one layer. JSON has no numbers beyond the finite ones: they are words.
class SettingWriter : public nn::ConfigVisitor {
 public:
  explicit SettingWriter(LayerList& layers) : layers_(layers) {}

  void field(std::string_view name, bool& value) override { set(name, value); }
  void field(std::string_view name, int64_t& value) override { set(name, value); }
  void field(std::string_view name, double& value) override {
    if (std::isfinite(value)) return set(name, value);
    set(name, std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
  }
  void field(std::string_view name, std::string& value) override { set(name, value); }
  void field(std::string_view name, std::vector<int64_t>& value) override { set(name, value); }
  void field(std::string_view name, std::shared_ptr<const nn::Layer>& value) override {
    set(name, value == nullptr ? Json(nullptr) : Json(layers_.add(*value)));
  }
  void field(std::string_view name, std::vector<std::shared_ptr<const nn::Layer>>& value) override {
    Json places = Json::array();
    for (const auto& layer : value) places.push_back(layers_.add(*layer));
    set(name, std::move(places));
  }
  void choice(std::string_view name, int& index, std::span<const std::string_view> words) override {
    set(name, words[static_cast<size_t>(index)]);
  }

  Json take() { return std::move(config_); }

 private:
  void set(std::string_view name, Json value) { config_[std::string(name)] = std::move(value); }

  LayerList& layers_;
  Json config_ = Json::object();
};

Json to_json(const nn::Spec& spec) {
  Json row = Json::array();
  for (const int64_t dim : spec.row) row.push_back(dim == nn::kAny ? Json(nullptr) : Json(dim));
  return {{"kind", spec.is_ragged ? "ragged" : "dense"},
          {"row", std::move(row)},
          {"dtype", to_string(spec.dtype)}};
}

Json to_json(const std::vector<nn::Model::Edge>& edges) {
  Json out = Json::array();
  for (const auto& [call, output] : edges) out.push_back(Json::array({call, output}));
  return out;
}

// The model's inputs, each with the earlier one that it shares its tokens with.
Json inputs_of(const nn::Model& model) {
  const std::vector<nn::Symbol>& inputs = model.inputs();
  Json out = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const nn::Spec& spec = inputs[i].spec();
    Json input{{"name", inputs[i].call()->name}};
    input.update(to_json(spec));
    for (size_t j = 0; j < i && spec.is_ragged && !input.contains("same_tokens"); ++j) {
      const nn::Spec& other = inputs[j].spec();
      if (other.is_ragged && other.layout == spec.layout) input["same_tokens"] = j;
    }
    out.push_back(std::move(input));
  }
  return out;
}

Json graph_of(const nn::Model& model, LayerList& layers) {
  Json calls = Json::array();
  for (const nn::Model::Step& step : model.steps()) {
    if (step.call->layer == nullptr) continue;  // the inputs, which come first
    calls.push_back({{"layer", layers.add(*step.call->layer)}, {"inputs", to_json(step.inputs)}});
  }
  return {{"kind", model.kind()},
          {"inputs", inputs_of(model)},
          {"calls", std::move(calls)},
          {"outputs", to_json(model.output_edges())}};
}

Json settings_of(const nn::Layer& layer, LayerList& layers) {
  SettingWriter writer(layers);
  layer.clone()->visit_config(writer);  // a reader would change it
  return {{"kind", layer.kind()}, {"config", writer.take()}};
}

int64_t LayerList::add(const nn::Layer& layer) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i]->is_same(layer)) return static_cast<int64_t>(i);
  }
  const auto* const model = dynamic_cast<const nn::Model*>(&layer);
  Json entry = model == nullptr ? settings_of(layer, *this) : graph_of(*model, *this);
  entries_.push_back(std::move(entry));
  layers_.push_back(layer.clone());
  return std::ssize(layers_) - 1;
}

// The one dtype of all weights.
DType dtype_of_weights(const nn::Layer& model) {
  const std::vector<nn::NamedParameter> parameters = model.parameters();
  const DType first = parameters.empty() ? DType::f32 : parameters[0].parameter->dtype();
  for (const auto& [name, parameter] : parameters) {
    if (parameter->dtype() == first) continue;
    fail<OptionError>("save_model: ", name, ": expected ", first, " as the other weights, got ",
                      parameter->dtype());
  }
  return first;
}

}  // namespace

Json write_model(const nn::Layer& model) {
  const auto* const sequential = dynamic_cast<const nn::Sequential*>(&model);
  if (sequential == nullptr && dynamic_cast<const nn::Model*>(&model) == nullptr) {
    fail<OptionError>("save_model: model: expected a Sequential or a Model, got a ", model.kind(),
                      "; put it into a Sequential");
  }
  LayerList layers;
  layers.add(model);
  Json out{{"format", kModelFormat},
           {"version", kModelVersion},
           {"dtype", to_string(dtype_of_weights(model))},
           {"layers", layers.take()}};
  if (sequential != nullptr) out["input"] = to_json(sequential->summary().rows[0].outputs[0]);
  return out;
}

}  // namespace nopad::models
