#include "nopad/io/sentence_transformers.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "io/confined_path.h"
#include "io/json.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxTokenizerConfigBytes = uint64_t{16} << 20;
constexpr size_t kMaxModules = 64;
constexpr int64_t kMaxFeatures = 1'000'000;

struct PoolingName {
  Pooling mode;
  std::string_view name;  // in "pooling_mode"
  std::string_view flag;  // until sentence-transformers 5
};
constexpr std::array<PoolingName, 6> kPoolingNames = {
    {{Pooling::cls, "cls", "pooling_mode_cls_token"},
     {Pooling::max, "max", "pooling_mode_max_tokens"},
     {Pooling::mean, "mean", "pooling_mode_mean_tokens"},
     {Pooling::mean_sqrt_length, "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"},
     {Pooling::weighted_mean, "weightedmean", "pooling_mode_weightedmean_tokens"},
     {Pooling::last_token, "lasttoken", "pooling_mode_lasttoken"}}};

constexpr std::array<std::string_view, 4> kSimilarities = {"cosine", "dot", "euclidean",
                                                           "manhattan"};

// Where the transformer's own limits are, newest name first.
constexpr std::array<std::string_view, 7> kTransformerConfigs = {
    "sentence_bert_config.json",       "sentence_roberta_config.json",
    "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// "sentence_transformers.models.Pooling" -> "Pooling"
std::string_view last_component(std::string_view type) {
  return type.substr(type.rfind('.') + 1);  // npos + 1 is 0
}

template <class Value>
Value expect_value(std::optional<Value> value, std::string_view key, std::string_view where) {
  if (!value) fail<FormatError>(where, ": ", key, ": expected a value, got nothing");
  return *std::move(value);
}

int64_t positive(int64_t value, std::string_view key, std::string_view where, int64_t high) {
  if (value < 1 || value > high) {
    fail<FormatError>(where, ": ", key, ": expected 1 to ", high, ", got ", value);
  }
  return value;
}

Pooling pooling_mode(const json& value, std::string_view where) {
  const auto found = std::ranges::find_if(
      kPoolingNames, [&](const PoolingName& known) { return value == known.name; });
  if (found == kPoolingNames.end()) {
    fail<FormatError>(
        where, ": pooling_mode: expected cls, max, mean, mean_sqrt_len_tokens, ",
        "weightedmean or lasttoken, got ",
        value.is_string() ? quote(value.get_ref<const std::string&>()) : describe(value));
  }
  return found->mode;
}

std::vector<Pooling> pooling_modes(const json& root, std::string_view where) {
  std::vector<Pooling> modes;
  if (const json* const value = find_value(root, "pooling_mode", where)) {
    if (!value->is_array()) return {pooling_mode(*value, where)};
    for (const json& mode : *value) modes.push_back(pooling_mode(mode, where));
    if (modes.empty() || modes.size() > kPoolingNames.size()) {
      fail<FormatError>(where, ": pooling_mode: expected 1 to ", kPoolingNames.size(),
                        " modes, got ", modes.size());
    }
    return modes;
  }
  for (const PoolingName& known : kPoolingNames) {
    if (find_bool(root, known.flag, where).value_or(false)) modes.push_back(known.mode);
  }
  return modes.empty() ? std::vector{Pooling::mean} : modes;
}

PoolingModule read_pooling(const fs::path& directory) {
  const fs::path file = directory / "config.json";
  const std::string where = file.string();
  const json root = read_json(file, kMaxConfigBytes);
  PoolingModule pooling;
  pooling.modes = pooling_modes(root, where);
  for (const std::string_view key : {"embedding_dimension", "word_embedding_dimension"}) {
    if (pooling.dimension) break;
    pooling.dimension = find_int(root, key, where);
    if (pooling.dimension) positive(*pooling.dimension, key, where, kMaxFeatures);
  }
  pooling.include_prompt = find_bool(root, "include_prompt", where).value_or(true);
  return pooling;
}

// Modules after the pooling may be told to work on something else than its result.
void expect_sentence_embedding(const json& root, std::string_view where) {
  for (const std::string_view key : {"module_input_name", "module_output_name"}) {
    const auto name = find_string(root, key, where);
    if (name && *name != "sentence_embedding") {
      fail<FormatError>(where, ": ", key, ": expected sentence_embedding, got ", quote(*name));
    }
  }
}

Activation dense_activation(const json& root, std::string_view where) {
  constexpr std::array<std::pair<std::string_view, Activation>, 6> kClasses = {
      {{"Tanh", Activation::tanh},
       {"Identity", Activation::none},
       {"ReLU", Activation::relu},
       {"GELU", Activation::gelu},
       {"SiLU", Activation::silu},
       {"Sigmoid", Activation::sigmoid}}};
  const std::string type =
      find_string(root, "activation_function", where).value_or("torch.nn.Tanh");
  for (const auto& [name, activation] : kClasses) {
    if (type.starts_with("torch.nn.") && last_component(type) == name) return activation;
  }
  fail<FormatError>(where, ": activation_function: expected torch.nn's Tanh, Identity, ReLU, ",
                    "GELU, SiLU or Sigmoid, got ", quote(type));
}

DenseModule read_dense(const fs::path& directory) {
  const fs::path file = directory / "config.json";
  const std::string where = file.string();
  const json root = read_json(file, kMaxConfigBytes);
  const auto features = [&](std::string_view key) {
    return positive(expect_value(find_int(root, key, where), key, where), key, where, kMaxFeatures);
  };
  DenseModule dense;
  dense.in_features = features("in_features");
  dense.out_features = features("out_features");
  dense.bias = find_bool(root, "bias", where).value_or(true);
  dense.activation = dense_activation(root, where);
  dense.directory = directory;
  expect_sentence_embedding(root, where);
  if (find_bool(root, "use_residual", where).value_or(false)) {
    fail<FormatError>(where, ": use_residual: expected false, got true");
  }
  return dense;
}

// Older versions wrote an empty directory, which many ways of copying a model lose.
NormalizeModule read_normalize(const fs::path& directory) {
  const fs::path file = directory / "config.json";
  if (is_there(file)) expect_sentence_embedding(read_json(file, kMaxConfigBytes), file.string());
  return {};
}

std::string one_of(const json& root, std::string_view key, std::string_view where,
                   const std::string& first, std::string_view second) {
  std::string value = find_string(root, key, where).value_or(first);
  if (value != first && value != second) {
    fail<FormatError>(where, ": ", key, ": expected ", first, " or ", second, ", got ",
                      quote(value));
  }
  return value;
}

SpladeModule read_splade(const fs::path& directory) {
  const fs::path file = directory / "config.json";
  const std::string where = file.string();
  const json root = read_json(file, kMaxConfigBytes);
  return {.activation = one_of(root, "activation_function", where, "relu", "log1p_relu"),
          .pooling = one_of(root, "pooling_strategy", where, "max", "sum")};
}

struct ListedModule {
  int64_t idx;
  std::string type;
  std::string path;
  std::string where;  // of its entry
};

std::vector<ListedModule> list_modules(const fs::path& file) {
  const std::string where = file.string();
  const json root = read_json(file, kMaxConfigBytes);
  if (!root.is_array() || root.empty() || root.size() > kMaxModules) {
    fail<FormatError>(where, ": expected a list of 1 to ", kMaxModules, " modules");
  }
  std::vector<ListedModule> modules;
  for (const json& entry : root) {
    const auto place = static_cast<int64_t>(modules.size());
    const std::string entry_where = concat(where, ": module ", place);
    const std::string type =
        expect_value(find_string(entry, "type", entry_where), "type", entry_where);
    modules.push_back({find_int(entry, "idx", entry_where).value_or(place),
                       std::string(last_component(type)),
                       find_string(entry, "path", entry_where).value_or(""), entry_where});
  }
  std::ranges::stable_sort(modules, {}, &ListedModule::idx);
  return modules;
}

// None for a module that does nothing once a model is trained.
std::optional<Module> read_module(const fs::path& root, const ListedModule& listed) {
  const auto directory = [&] { return confined_path(root, listed.path, listed.where + ": path"); };
  if (listed.type == "Pooling") return read_pooling(directory());
  if (listed.type == "Dense") return read_dense(directory());
  if (listed.type == "Normalize") {
    return is_there(root / listed.path) ? read_normalize(directory()) : NormalizeModule{};
  }
  if (listed.type == "SpladePooling") return read_splade(directory());
  if (listed.type == "Dropout") return std::nullopt;
  fail<FormatError>(listed.where, ": type: expected Pooling, Dense, Normalize, SpladePooling or ",
                    "Dropout after one Transformer, got ", quote(listed.type));
}

fs::path find_transformer(const fs::path& root, const ListedModule& first) {
  // MLMTransformer: what sparse encoders had until sentence-transformers 6.
  if (first.type != "Transformer" && first.type != "MLMTransformer") {
    fail<FormatError>(first.where, ": type: expected Transformer as the first module, got ",
                      quote(first.type));
  }
  return confined_path(root, first.path, first.where + ": path");
}

bool is_sparse(const ModelDirectory& model) {
  return std::ranges::any_of(model.modules, [](const Module& module) {
    return std::holds_alternative<SpladeModule>(module);
  });
}

void read_transformer_limits(ModelDirectory& model) {
  for (const std::string_view name : kTransformerConfigs) {
    const fs::path file = model.transformer / name;
    if (!is_there(file)) continue;
    const std::string where = file.string();
    const json root = read_json(file, kMaxConfigBytes);
    model.max_seq_length = find_int(root, "max_seq_length", where);
    if (model.max_seq_length) positive(*model.max_seq_length, "max_seq_length", where, INT64_MAX);
    model.do_lower_case = find_bool(root, "do_lower_case", where).value_or(false);
    const auto task = find_string(root, "transformer_task", where);
    const std::string_view expected = is_sparse(model) ? "fill-mask" : "feature-extraction";
    if (task && *task != expected) {
      fail<FormatError>(where, ": transformer_task: expected ", expected, ", got ", quote(*task));
    }
    return;
  }
}

// transformers writes 1e30 for "no limit".
void read_tokenizer_limit(ModelDirectory& model) {
  constexpr double kNoLimit = 1e15;
  const fs::path file = model.transformer / "tokenizer_config.json";
  if (!is_there(file)) return;
  const json root = read_json(file, kMaxTokenizerConfigBytes);
  const auto length = find_number(root, "model_max_length", file.string());
  if (!length || *length >= kNoLimit) return;
  if (!(*length >= 1)) {
    fail<FormatError>(file.string(), ": model_max_length: expected 1 or more, got ", *length);
  }
  model.model_max_length = static_cast<int64_t>(*length);
}

void read_prompts(const json& root, std::string_view where, ModelDirectory& model) {
  if (const json* const prompts = find_value(root, "prompts", where)) {
    if (!prompts->is_object()) {
      fail<FormatError>(where, ": prompts: expected an object, got ", describe(*prompts));
    }
    for (const auto& [name, text] : prompts->items()) {
      if (!text.is_string()) {
        fail<FormatError>(where, ": prompts: ", quote(name), ": expected a string, got ",
                          describe(text));
      }
      model.prompts.emplace(name, text.get<std::string>());
    }
  }
  model.default_prompt_name = find_string(root, "default_prompt_name", where);
  if (model.default_prompt_name && !model.prompts.contains(*model.default_prompt_name)) {
    fail<FormatError>(where, ": default_prompt_name: expected the name of a prompt, got ",
                      quote(*model.default_prompt_name));
  }
}

void read_sentence_transformers_config(const fs::path& directory, ModelDirectory& model) {
  const fs::path file = directory / "config_sentence_transformers.json";
  if (!is_there(file)) return;
  const std::string where = file.string();
  const json root = read_json(file, kMaxConfigBytes);
  read_prompts(root, where, model);
  model.similarity_fn_name = find_string(root, "similarity_fn_name", where);
  if (model.similarity_fn_name &&
      std::ranges::find(kSimilarities, *model.similarity_fn_name) == kSimilarities.end()) {
    fail<FormatError>(where, ": similarity_fn_name: expected cosine, dot, euclidean or ",
                      "manhattan, got ", quote(*model.similarity_fn_name));
  }
}

}  // namespace

ModelDirectory describe_directory(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    fail<FileError>(directory.string(), ": expected a model directory, got ",
                    is_there(directory) ? "a file" : "nothing of that name");
  }
  const fs::path modules_file = directory / "modules.json";
  const bool is_sentence_transformer = is_there(modules_file);
  std::vector<ListedModule> listed;
  fs::path transformer = directory;
  if (is_sentence_transformer) {
    listed = list_modules(modules_file);
    transformer = find_transformer(directory, listed[0]);
    listed.erase(listed.begin());
  }
  ModelDirectory model{.transformer = transformer,
                       .config = ModelConfig::load(transformer / "config.json"),
                       .is_sentence_transformer = is_sentence_transformer};
  for (const ListedModule& entry : listed) {
    if (auto module = read_module(directory, entry)) model.modules.push_back(*std::move(module));
  }
  read_transformer_limits(model);
  read_tokenizer_limit(model);
  read_sentence_transformers_config(directory, model);
  return model;
}

int64_t max_sequence_length(std::optional<int64_t> max_seq_length,
                            std::optional<int64_t> model_max_length, int64_t max_tokens) {
  return std::min(max_seq_length.value_or(model_max_length.value_or(max_tokens)), max_tokens);
}

}  // namespace nopad::io
