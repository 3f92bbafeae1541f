#include "nopad/io/model_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "io/json.h"
#include "nopad/core/error.h"
#include "nopad/io/file.h"

namespace nopad::io {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 20;
constexpr int64_t kMaxVocab = 4'000'000;
constexpr int64_t kMaxHidden = 65'536;
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxPositions = 1'000'000;
constexpr int64_t kMaxLabels = 65'536;

template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

// As transformers names them, several names for one function.
constexpr std::array<Named<Activation>, 14> kActivations = {
    {{"gelu", Activation::gelu},
     {"gelu_python", Activation::gelu},
     {"gelu_new", Activation::gelu_tanh},
     {"gelu_fast", Activation::gelu_tanh},
     {"gelu_pytorch_tanh", Activation::gelu_tanh},
     {"gelu_python_tanh", Activation::gelu_tanh},
     {"gelu_accurate", Activation::gelu_tanh},
     {"quick_gelu", Activation::quick_gelu},
     {"relu", Activation::relu},
     {"silu", Activation::silu},
     {"swish", Activation::silu},
     {"tanh", Activation::tanh},
     {"sigmoid", Activation::sigmoid},
     {"linear", Activation::none}}};

constexpr std::array<Named<PositionEmbedding>, 3> kPositionEmbeddings = {
    {{"absolute", PositionEmbedding::absolute},
     {"relative_key", PositionEmbedding::relative_key},
     {"relative_key_query", PositionEmbedding::relative_key_query}}};

constexpr std::array<Named<std::string_view>, 3> kProblemTypes = {
    {{"single_label_classification", {}}, {"multi_label_classification", {}}, {"regression", {}}}};

// The defaults of a model type that shares BERT's keys.
struct BertKind {
  std::string_view model_type;
  std::string_view architecture;  // how the names of its architectures begin
  int64_t vocab_size;
  int64_t pad_token_id;
  bool has_position_offset;
};
// XLMRoberta stands before Roberta only for the reader: names are compared from their beginning.
constexpr std::array<BertKind, 4> kBertKinds = {{{"bert", "Bert", 30522, 0, false},
                                                 {"xlm-roberta", "XLMRoberta", 30522, 1, true},
                                                 {"roberta", "Roberta", 50265, 1, true},
                                                 {"camembert", "Camembert", 30522, 1, true}}};

template <class Entries, class Projection>
std::string list_of(const Entries& entries, Projection name) {
  std::string list;
  for (const auto& entry : entries) {
    if (!list.empty()) list += &entry == &entries.back() ? " or " : ", ";
    list += std::invoke(name, entry);
  }
  return list;
}

template <class Value, size_t N>
std::optional<Value> find_named(const json& object, std::string_view key, std::string_view where,
                                const std::array<Named<Value>, N>& names) {
  const std::optional<std::string> text = find_string(object, key, where);
  if (!text) return std::nullopt;
  const auto found = std::ranges::find(names, *text, &Named<Value>::name);
  if (found == names.end()) {
    fail<FormatError>(where, ": ", key, ": expected ", list_of(names, &Named<Value>::name),
                      ", got ", quote(*text));
  }
  return found->value;
}

struct Range {
  int64_t low;
  int64_t high;
};

int64_t int_in(const json& object, std::string_view key, std::string_view where, Range range,
               int64_t otherwise) {
  const int64_t value = find_int(object, key, where).value_or(otherwise);
  if (value < range.low || value > range.high) {
    fail<FormatError>(where, ": ", key, ": expected ", range.low, " to ", range.high, ", got ",
                      value);
  }
  return value;
}

std::vector<std::string> parse_architectures(const json& root, std::string_view where) {
  std::vector<std::string> names;
  const json* const list = find_value(root, "architectures", where);
  if (list == nullptr) return names;
  const bool fits = list->is_array() &&
                    std::ranges::all_of(*list, [](const json& name) { return name.is_string(); });
  if (!fits) fail<FormatError>(where, ": architectures: expected a list of strings");
  for (const json& name : *list) names.push_back(name.get<std::string>());
  return names;
}

std::string parse_model_type(const json& root, const std::vector<std::string>& architectures,
                             std::string_view where) {
  if (auto type = find_string(root, "model_type", where)) return *type;
  for (const BertKind& kind : kBertKinds) {
    if (!architectures.empty() && architectures[0].starts_with(kind.architecture)) {
      return std::string(kind.model_type);
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
  const int64_t count = int_in(root, "num_labels", where, {0, kMaxLabels}, 2);
  std::vector<std::string> names;
  for (int64_t id = 0; id < count; ++id) names.push_back(concat("LABEL_", id));
  return names;
}

double parse_eps(const json& root, std::string_view where, double otherwise) {
  const double eps = find_number(root, "layer_norm_eps", where).value_or(otherwise);
  if (!(eps > 0 && eps <= 1)) {
    fail<FormatError>(where, ": layer_norm_eps: expected above 0 and at most 1, got ", eps);
  }
  return eps;
}

// Heads that were cut out leave weights of other shapes than the sizes say.
void expect_no_pruned_heads(const json& root, std::string_view where) {
  const json* const pruned = find_value(root, "pruned_heads", where);
  if (pruned != nullptr && !pruned->empty()) {
    fail<FormatError>(where, ": pruned_heads: expected none, got ", pruned->size());
  }
}

}  // namespace

std::string_view to_string(PositionEmbedding kind) noexcept {
  const auto found = std::ranges::find(kPositionEmbeddings, kind, &Named<PositionEmbedding>::value);
  return found == kPositionEmbeddings.end() ? "?" : found->name;
}

struct ModelConfig::Content {
  std::string where;
  json root;
  std::string model_type;
  std::vector<std::string> architectures;
  std::optional<std::string> dtype;
  std::vector<std::string> labels;
  std::optional<std::string> problem_type;
};

ModelConfig ModelConfig::load(const std::filesystem::path& config_json) {
  return parse(read_file(config_json, kMaxConfigBytes), config_json.string());
}

ModelConfig ModelConfig::parse(std::string_view text, std::string_view where) {
  auto content = std::make_shared<Content>();
  content->where = where;
  content->root = parse_json(text, where);
  const json& root = content->root;
  content->architectures = parse_architectures(root, where);
  content->model_type = parse_model_type(root, content->architectures, where);
  content->dtype = find_string(root, "dtype", where);  // transformers 5
  if (!content->dtype) content->dtype = find_string(root, "torch_dtype", where);
  content->labels = parse_labels(root, where);
  if (find_named(root, "problem_type", where, kProblemTypes)) {
    content->problem_type = find_string(root, "problem_type", where);
  }
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

BertConfig ModelConfig::bert() const {
  const auto& [where, root, type, architectures, dtype, labels, problem_type] = *content_;
  const auto kind = std::ranges::find(kBertKinds, type, &BertKind::model_type);
  if (kind == kBertKinds.end()) {
    fail<FormatError>(where, ": model_type: expected ", list_of(kBertKinds, &BertKind::model_type),
                      ", got ", quote(type));
  }
  BertConfig c;
  c.vocab_size = int_in(root, "vocab_size", where, {1, kMaxVocab}, kind->vocab_size);
  c.hidden_size = int_in(root, "hidden_size", where, {1, kMaxHidden}, c.hidden_size);
  c.num_hidden_layers =
      int_in(root, "num_hidden_layers", where, {0, kMaxLayers}, c.num_hidden_layers);
  c.num_attention_heads =
      int_in(root, "num_attention_heads", where, {1, kMaxHidden}, c.num_attention_heads);
  if (c.hidden_size % c.num_attention_heads != 0) {
    fail<FormatError>(where, ": num_attention_heads: expected a divisor of hidden_size (",
                      c.hidden_size, "), got ", c.num_attention_heads);
  }
  c.intermediate_size =
      int_in(root, "intermediate_size", where, {1, 4 * kMaxHidden}, c.intermediate_size);
  c.hidden_act = find_named(root, "hidden_act", where, kActivations).value_or(c.hidden_act);
  c.pad_token_id = int_in(root, "pad_token_id", where, {0, c.vocab_size - 1}, kind->pad_token_id);
  c.position_offset = kind->has_position_offset ? c.pad_token_id + 1 : 0;
  c.max_position_embeddings =
      int_in(root, "max_position_embeddings", where, {c.position_offset + 1, kMaxPositions}, 512);
  c.type_vocab_size = int_in(root, "type_vocab_size", where, {1, kMaxVocab}, c.type_vocab_size);
  c.layer_norm_eps = parse_eps(root, where, c.layer_norm_eps);
  c.position_embedding = find_named(root, "position_embedding_type", where, kPositionEmbeddings)
                             .value_or(c.position_embedding);
  c.is_decoder = find_bool(root, "is_decoder", where).value_or(false);
  expect_no_pruned_heads(root, where);
  return c;
}

}  // namespace nopad::io
