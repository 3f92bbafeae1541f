// nopad inspect: what a model directory holds, and whether it can be run.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/model_report.h"
#include "apps/nopad/output.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
  std::string model;
  bool as_json = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad inspect all-MiniLM-L6-v2\n"
    "  nopad inspect --json bert-base | jq .problems\n";

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out += concat(out.empty() ? "" : between, part);
  return out;
}

std::string modes_of(const io::PoolingModule& pooling) {
  std::vector<std::string> names;
  for (const Pooling mode : pooling.modes) names.emplace_back(to_string(mode));
  return join(names, " + ");
}

std::string describe(const io::Module& module) {
  if (const auto* const pooling = std::get_if<io::PoolingModule>(&module)) {
    return concat("pooling ", modes_of(*pooling));
  }
  if (const auto* const dense = std::get_if<io::DenseModule>(&module)) {
    return concat("dense ", dense->in_features, " to ", dense->out_features,
                  dense->bias ? "" : " without bias", ", ", to_string(dense->activation));
  }
  if (const auto* const splade = std::get_if<io::SpladeModule>(&module)) {
    return concat("sparse, ", splade->activation, ", ", splade->pooling);
  }
  return "normalize";
}

Json to_json(const io::Module& module) {
  if (const auto* const pooling = std::get_if<io::PoolingModule>(&module)) {
    Json modes = Json::array();
    for (const Pooling mode : pooling->modes) modes.push_back(to_string(mode));
    return {{"type", "pooling"}, {"modes", modes}, {"include_prompt", pooling->include_prompt}};
  }
  if (const auto* const dense = std::get_if<io::DenseModule>(&module)) {
    return {{"type", "dense"},
            {"in_features", dense->in_features},
            {"out_features", dense->out_features},
            {"bias", dense->bias},
            {"activation", to_string(dense->activation)}};
  }
  if (const auto* const splade = std::get_if<io::SpladeModule>(&module)) {
    return {{"type", "splade"}, {"activation", splade->activation}, {"pooling", splade->pooling}};
  }
  return {{"type", "normalize"}};
}

Json to_json(const models::EncoderConfig& config) {
  return {{"layers", config.layers.size()},
          {"attention_heads", config.num_heads},
          {"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"activation", to_string(config.activation)},
          {"vocab_size", config.vocab_size},
          {"positions", config.max_tokens()},
          {"position_embedding", to_string(config.positions)},
          {"token_types", config.num_token_types}};
}

Json to_json(const WeightSummary& weights) {
  return {{"tensors", weights.num_tensors},
          {"parameters", weights.num_parameters},
          {"tensors_of_dtype", weights.tensors_of_dtype},
          {"heads", weights.heads},
          {"missing", weights.against_model.missing},
          {"absent_optional", weights.against_model.absent_optional},
          {"unexpected", weights.against_model.unexpected},
          {"misshapen", weights.against_model.misshapen}};
}

Json to_json(const ModelReport& report) {
  Json out{{"path", report.path.string()}, {"runnable", report.is_runnable}};
  out["problems"] = report.problems;
  out["commands"] = report.commands;
  out["dim"] = report.dim ? Json(*report.dim) : Json();
  if (report.directory) {
    const io::ModelDirectory& directory = *report.directory;
    out["model_type"] = directory.config.model_type();
    out["architectures"] = directory.config.architectures();
    out["sentence_transformer"] = directory.is_sentence_transformer;
    Json modules = Json::array();
    for (const io::Module& module : directory.modules) modules.push_back(to_json(module));
    out["modules"] = std::move(modules);
    out["prompts"] = directory.prompts;
  }
  if (report.config) out["config"] = to_json(*report.config);
  if (report.weights) out["weights"] = to_json(*report.weights);
  if (report.tokenizer) {
    out["tokenizer"] = {{"description", report.tokenizer->description()},
                        {"vocab_size", report.tokenizer->vocab_size()}};
  }
  if (report.max_length) {
    out["max_length"] = {{"tokens", report.max_length->num_tokens},
                         {"source", report.max_length->source}};
  }
  return out;
}

// Lines of a label and what it says.
class Table {
 public:
  void add(std::string_view label, std::string_view text) {
    out_ += concat(label, std::string(label.size() < 14 ? 14 - label.size() : 1, ' '), text, "\n");
  }
  // At most ten names; the rest is counted.
  void add_names(std::string_view label, const std::vector<std::string>& names) {
    constexpr size_t kMaxNames = 10;
    if (names.empty()) return;
    std::vector<std::string> shown = names;
    if (names.size() > kMaxNames) {
      shown.resize(kMaxNames);
      shown.push_back(concat(names.size() - kMaxNames, " more"));
    }
    add(label, concat(names.size(), ": ", join(shown, ", ")));
  }
  const std::string& text() const noexcept { return out_; }

 private:
  std::string out_;
};

void add_config(const ModelReport& report, Table& table) {
  if (report.directory) {
    const io::ModelConfig& config = report.directory->config;
    const std::string heads = join(config.architectures(), ", ");
    table.add("architecture",
              concat(config.model_type(), heads.empty() ? "" : ", saved as ", heads));
  }
  if (!report.config) return;
  const models::EncoderConfig& config = *report.config;
  table.add("sizes", concat(config.layers.size(), " layers, ", config.num_heads, " heads, hidden ",
                            config.hidden_size, ", inner ", config.intermediate_size, ", ",
                            to_string(config.activation), ", ", config.max_tokens(), " positions, ",
                            config.vocab_size, " words"));
}

void add_weights(const WeightSummary& weights, Table& table) {
  std::string dtypes;
  for (const auto& [dtype, count] : weights.tensors_of_dtype) {
    dtypes += concat(dtypes.empty() ? "" : ", ", count, " ", dtype);
  }
  table.add("weights", concat(with_thousands(weights.num_parameters), " parameters in ",
                              weights.num_tensors, " tensors (", dtypes, ")"));
  if (!weights.heads.empty()) table.add("heads", join(weights.heads, ", "));
  table.add_names("missing", weights.against_model.missing);
  table.add_names("misshapen", weights.against_model.misshapen);
  table.add_names("absent", weights.against_model.absent_optional);
  table.add_names("unexpected", weights.against_model.unexpected);
}

std::string describe_head(const io::ModelDirectory& directory) {
  std::vector<std::string> steps;
  for (const io::Module& module : directory.modules) steps.push_back(describe(module));
  return steps.empty() ? "none named; choose a --pooling" : join(steps, ", ");
}

std::string describe(const ModelReport& report) {
  Table table;
  table.add("directory", report.path.string());
  add_config(report, table);
  if (report.weights) add_weights(*report.weights, table);
  if (report.tokenizer) table.add("tokenizer", report.tokenizer->description());
  if (report.directory) table.add("vectors", describe_head(*report.directory));
  if (report.max_length) {
    table.add("max length",
              concat(report.max_length->num_tokens, " tokens (", report.max_length->source, ")"));
  }
  table.add("runs", report.is_runnable ? concat("yes, vectors of ", *report.dim) : "no");
  if (!report.commands.empty()) table.add("commands", join(report.commands, ", "));
  for (const std::string& problem : report.problems) table.add("problem", problem);
  return table.text();
}

void run_inspect(const InspectArguments& arguments) {
  const ModelReport report = report_on_model(arguments.model);
  Output output;
  output.write(arguments.as_json
                   ? to_json(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                   : describe(report));
  output.finish();
}

}  // namespace

Command add_inspect_command(CLI::App& parent) {
  const auto arguments = std::make_shared<InspectArguments>();
  CLI::App& app = *parent.add_subcommand("inspect", "Show what a model directory holds");
  app.formatter(std::make_shared<HelpFormatter>("[--json] DIR"));
  app.add_option("DIR", arguments->model,
                 "A model directory. One that can't be run is shown as far as it can be read, with "
                 "what is wrong with it; that too is exit code 0.")
      ->required();
  app.add_flag("--json", arguments->as_json, "One JSON object instead of lines.");
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_inspect(*arguments); }};
}

}  // namespace nopad::apps
