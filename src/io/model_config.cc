#include "nopad/io/model_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "io/config_keys.h"
#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"

namespace nopad::io {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 20;
constexpr int64_t kMaxLabels = 65'536;

constexpr std::array<Named<std::string_view>, 3> kProblemTypes = {
    {{"single_label_classification", "single_label_classification"},
     {"multi_label_classification", "multi_label_classification"},
     {"regression", "regression"}}};

// How the names of architectures begin in files from before model_type, of the families of that time.
constexpr std::array<Named<std::string_view>, 7> kArchitectures = {{{"Bert", "bert"},
                                                                    {"XLMRoberta", "xlm-roberta"},
                                                                    {"Roberta", "roberta"},
                                                                    {"Camembert", "camembert"},
                                                                    {"Albert", "albert"},
                                                                    {"DistilBert", "distilbert"},
                                                                    {"Electra", "electra"}}};

std::string parse_model_type(const json& root, const std::vector<std::string>& architectures,
                             std::string_view where) {
  if (auto type = find_string(root, "model_type", where)) return *type;
  for (const auto& [beginning, model_type] : kArchitectures) {
    if (!architectures.empty() && architectures[0].starts_with(beginning)) {
      return std::string(model_type);
    }
  }
  fail<FormatError>(where, ": model_type: expected a string, got nothing");
}

// {"0": "NEGATIVE", "1": "POSITIVE"}: keys 0 to n - 1 in any order.
std::vector<std::string> parse_id2label(const json& map, std::string_view where) {
  if (!map.is_object()) {
    fail<FormatError>(where, ": id2label: expected an object, got ", describe(map));
  }
  std::vector<std::optional<std::string>> labels(map.size());
  for (const auto& [key, label] : map.items()) {
    size_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool is_id = error == std::errc() && end == key.data() + key.size();
    if (!is_id || id >= labels.size() || labels[id]) {
      fail<FormatError>(where, ": id2label: expected the keys 0 to ", labels.size() - 1, ", got ",
                        quote(key));
    }
    if (!label.is_string()) {
      fail<FormatError>(where, ": id2label: ", id, ": expected a string, got ", describe(label));
    }
    labels[id] = label.get<std::string>();
  }
  std::vector<std::string> names;
  for (std::optional<std::string>& label : labels) names.push_back(std::move(*label));
  return names;
}

std::vector<std::string> parse_labels(const json& root, std::string_view where) {
  if (const json* const map = find_value(root, "id2label", where)) {
    return parse_id2label(*map, where);
  }
  int64_t count = 2;
  ConfigKeys(root, where).read("num_labels", {0, kMaxLabels}, count);
  std::vector<std::string> names;
  for (int64_t id = 0; id < count; ++id) names.push_back(concat("LABEL_", id));
  return names;
}

std::optional<std::string> parse_problem_type(const ConfigKeys& keys) {
  if (!keys.contains("problem_type")) return std::nullopt;
  std::string_view type;
  keys.read("problem_type", std::span<const Named<std::string_view>>(kProblemTypes), type);
  return std::string(type);
}

}  // namespace

struct ModelConfig::Content {
  std::string where;  // the file
  json root;
  std::string model_type;
  std::vector<std::string> architectures;
  std::optional<std::string> dtype;
  std::vector<std::string> labels;
  std::optional<std::string> problem_type;
};

ConfigKeys::ConfigKeys(const ModelConfig& config)
    : ConfigKeys(config.content_->root, config.content_->where) {}

ModelConfig ModelConfig::load(const std::filesystem::path& config_json) {
  return parse(read_file(config_json, kMaxConfigBytes), config_json.string());
}

ModelConfig ModelConfig::parse(std::string_view text, std::string_view where) {
  auto content = std::make_shared<Content>();
  content->where = where;
  content->root = parse_json(text, where);
  const json& root = content->root;
  const ConfigKeys keys(root, where);
  content->architectures = keys.find_texts("architectures").value_or(std::vector<std::string>());
  content->model_type = parse_model_type(root, content->architectures, where);
  content->dtype = find_string(root, "dtype", where);  // transformers 5
  if (!content->dtype) content->dtype = find_string(root, "torch_dtype", where);
  content->labels = parse_labels(root, where);
  content->problem_type = parse_problem_type(keys);
  return ModelConfig(std::move(content));
}

const std::string& ModelConfig::model_type() const noexcept { return content_->model_type; }
const std::vector<std::string>& ModelConfig::architectures() const noexcept {
  return content_->architectures;
}
const std::optional<std::string>& ModelConfig::dtype() const noexcept { return content_->dtype; }
const std::vector<std::string>& ModelConfig::labels() const noexcept { return content_->labels; }
const std::optional<std::string>& ModelConfig::problem_type() const noexcept {
  return content_->problem_type;
}

}  // namespace nopad::io
