#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "io/json.h"
#include "models/model_json.h"
#include "models/setting_reader.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"

namespace nopad::models {
namespace {

using nlohmann::json;

// What a layer or a graph says about its parts is wrong because the file is.
template <class F>
auto reading(std::string_view where, const F& read) {
  try {
    return read();
  } catch (const FormatError&) {
    throw;
  } catch (const std::bad_alloc&) {
    fail<LimitError>(where, ": expected a model that fits into memory");
  } catch (const std::length_error&) {  // not even an address space has it
    fail<LimitError>(where, ": expected a model that fits into memory");
  } catch (const LimitError& error) {
    if (std::string_view(error.what()).starts_with(where)) throw;
    fail<LimitError>(where, ": ", error.what());
  } catch (const Error& error) {
    fail<FormatError>(where, ": ", error.what());
  }
}

template <class Value>
Value given(std::optional<Value> value, std::string_view key, std::string_view where) {
  if (!value) fail<FormatError>(where, ": ", key, ": expected a value, got none");
  return *std::move(value);
}

const json& find_list(const json& object, std::string_view key, std::string_view where) {
  const json* const list = io::find_value(object, key, where);
  if (list == nullptr || !list->is_array()) {
    fail<FormatError>(where, ": ", key, ": expected a list, got ",
                      list == nullptr ? "none" : io::describe(*list));
  }
  return *list;
}

// The value whose name the word under `key` is.
template <class Value, size_t N>
Value find_word(const json& object, std::string_view key, std::string_view where,
                const std::array<std::pair<std::string_view, Value>, N>& words) {
  const std::string word = given(io::find_string(object, key, where), key, where);
  for (const auto& [name, value] : words) {
    if (word == name) return value;
  }
  std::string all;
  for (const auto& [name, value] : words) all += concat(all.empty() ? "" : ", ", name);
  fail<FormatError>(where, ": ", key, ": expected one of ", all, ", got ", io::quote(word));
}

DType read_dtype(const json& object, std::string_view where) {
  using enum DType;
  std::array<std::pair<std::string_view, DType>, 8> words;
  std::ranges::transform(std::array{f32, f64, bf16, i8, u8, i32, i64, boolean}, words.begin(),
                         [](DType dtype) { return std::pair(to_string(dtype), dtype); });
  return find_word(object, "dtype", where, words);
}

// Layers are tried on made-up values of a spec, so one must not ask for all memory.
std::vector<int64_t> read_row(const json& object, std::string_view where) {
  constexpr int64_t kMaxElements = int64_t{1} << 24;
  constexpr int64_t kTriedWidth = 32;  // at most
  std::vector<int64_t> row;
  int64_t num_elements = 1;
  for (const json& dim : find_list(object, "row", where)) {
    row.push_back(dim.is_null() ? nn::kAny : 0);
    if (dim.is_number_unsigned() && dim.get<uint64_t>() <= uint64_t{kMaxElements}) {
      row.back() = dim.get<int64_t>();
    } else if (!dim.is_null()) {
      fail<FormatError>(where, ": row: expected null or 0 to ", kMaxElements, ", got ",
                        io::describe(dim));
    }
    num_elements *= std::max<int64_t>(1, dim.is_null() ? kTriedWidth : row.back());
    if (num_elements > kMaxElements || row.size() >= size_t{Shape::kMaxRank}) {
      fail<LimitError>(where, ": row: expected fewer than ", Shape::kMaxRank, " sizes and ",
                       kMaxElements, " elements");
    }
  }
  return row;
}

nn::Spec read_spec(const json& object, std::string_view where) {
  constexpr std::array<std::pair<std::string_view, bool>, 2> kKinds = {
      {{"dense", false}, {"ragged", true}}};
  const bool is_ragged = find_word(object, "kind", where, kKinds);
  return {is_ragged, read_row(object, where), read_dtype(object, where)};
}

// The graph of a Model, call by call.
class GraphReader {
 public:
  GraphReader(LayerReferences& references, std::string_view where)
      : references_(references), where_(where) {}

  std::shared_ptr<const nn::Layer> read(const json& entry) {
    std::vector<nn::Symbol> inputs;
    for (const json& input : find_list(entry, "inputs", where_)) {
      inputs.push_back(read_input(input, inputs));
      symbols_.push_back({inputs.back()});
    }
    for (const json& call : find_list(entry, "calls", where_)) symbols_.push_back(read_call(call));
    return std::make_shared<nn::Model>(inputs, read_edges(entry, "outputs"));
  }

 private:
  nn::Symbol read_input(const json& input, const std::vector<nn::Symbol>& before) const {
    std::string name = given(io::find_string(input, "name", where_), "name", where_);
    nn::Spec spec = read_spec(input, concat(where_, ": ", name));
    const auto same = io::find_int(input, "same_tokens", where_);
    if (!same) return nn::input(std::move(name), std::move(spec));
    if (*same < 0 || *same >= std::ssize(before)) {
      fail<FormatError>(where_, ": same_tokens: expected one of the ", before.size(),
                        " inputs before this one, got ", *same);
    }
    return nn::input(std::move(name), std::move(spec), before[static_cast<size_t>(*same)]);
  }

  std::vector<nn::Symbol> read_call(const json& call) {
    const json* const place = io::find_value(call, "layer", where_);
    const auto layer = references_.at(place == nullptr ? json() : *place, "layer");
    const std::vector<nn::Symbol> inputs = read_edges(call, "inputs");
    return layer->apply(std::span<const nn::Symbol>(inputs));
  }

  // Outputs of what stands before: a graph that is written in order has no cycle.
  std::vector<nn::Symbol> read_edges(const json& object, std::string_view key) const {
    std::vector<nn::Symbol> out;
    for (const json& edge : find_list(object, key, where_)) {
      const bool is_pair = edge.is_array() && edge.size() == 2 && edge[0].is_number_unsigned() &&
                           edge[1].is_number_unsigned();
      if (!is_pair || edge[0].get<uint64_t>() >= symbols_.size() ||
          edge[1].get<uint64_t>() >= symbols_[edge[0].get<size_t>()].size()) {
        fail<FormatError>(where_, ": ", key, ": expected outputs of the ", symbols_.size(),
                          " inputs and calls before, got ", is_pair ? edge.dump() : "another");
      }
      out.push_back(symbols_[edge[0].get<size_t>()][edge[1].get<size_t>()]);
    }
    return out;
  }

  LayerReferences& references_;
  std::string_view where_;
  std::vector<std::vector<nn::Symbol>> symbols_;  // of each input and call
};

std::shared_ptr<const nn::Layer> read_settings(const json& entry, const std::string& kind,
                                               LayerReferences& references, std::string_view where,
                                               const LayerRegistry& registry) {
  std::shared_ptr<nn::Layer> layer = registry.make(kind);
  if (layer == nullptr) {
    fail<FormatError>(where,
                      ": expected a kind that is registered, got another one; a layer of "
                      "one's own is added to a LayerRegistry");
  }
  const json* const config = io::find_value(entry, "config", where);
  if (config == nullptr || !config->is_object()) {
    fail<FormatError>(where, ": config: expected an object, got ",
                      config == nullptr ? "none" : io::describe(*config));
  }
  SettingReader reader(*config, references, where);
  layer->visit_config(reader);
  reader.expect_all_read();
  return layer;
}

ReadLayer read_layer(const json& entry, std::span<const ReadLayer> before, DType dtype,
                     std::string_view file, const LayerRegistry& registry) {
  const std::string place = concat(file, ": layers: ", before.size());
  const std::string kind = given(io::find_string(entry, "kind", place), "kind", place);
  const std::string where = concat(place, " (", kind, ")");
  return reading(where, [&]() -> ReadLayer {
    LayerReferences references(before, where);
    const auto layer = kind == "Model" ? GraphReader(references, where).read(entry)
                                       : read_settings(entry, kind, references, where, registry);
    layer->to(dtype);
    return {layer, references.depth(), references.num_calls()};
  });
}

void expect_format(const json& description, std::string_view where) {
  const auto format = io::find_string(description, "format", where);
  if (format != kModelFormat) {
    fail<FormatError>(where, ": format: expected \"", kModelFormat, "\", got ",
                      format ? io::quote(*format) : "none");
  }
  const int64_t version = given(io::find_int(description, "version", where), "version", where);
  if (version != kModelVersion) {
    fail<FormatError>(where, ": version: expected ", kModelVersion, ", got ", version);
  }
}

}  // namespace

std::shared_ptr<const nn::Layer> read_model(const json& description, std::string_view where,
                                            const LayerRegistry& registry) {
  expect_format(description, where);
  const DType dtype = read_dtype(description, where);
  std::vector<ReadLayer> layers;
  for (const json& entry : find_list(description, "layers", where)) {
    layers.push_back(read_layer(entry, layers, dtype, where, registry));
  }
  if (layers.empty()) fail<FormatError>(where, ": layers: expected one or more, got none");
  auto model = layers.back().layer;
  if (dynamic_cast<const nn::Model*>(model.get()) != nullptr) return model;
  const json* const input = io::find_value(description, "input", where);
  const std::string input_where = concat(where, ": input");
  const nn::Spec spec = read_spec(input == nullptr ? json() : *input, input_where);
  reading(input_where, [&] { model->build({&spec, 1}); });
  return model;
}

}  // namespace nopad::models
