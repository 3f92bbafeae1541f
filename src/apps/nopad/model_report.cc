#include "apps/nopad/model_report.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/io/safetensors.h"
#include "nopad/models/bert.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::apps {
namespace {

// Runs one part of the report. What it can't read becomes a problem, named once.
template <class F>
void attempt(ModelReport& report, F&& part) {
  try {
    part();
  } catch (const Error& error) {
    if (std::ranges::find(report.problems, error.what()) == report.problems.end()) {
      report.problems.emplace_back(error.what());
    }
  }
}

// The safetensors files that open_checkpoint() reads: the one, or else the shards.
std::vector<std::filesystem::path> weight_files(const std::filesystem::path& directory) {
  const std::filesystem::path whole = directory / "model.safetensors";
  if (std::filesystem::exists(whole)) return {whole};
  std::vector<std::filesystem::path> shards;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("model-") && name.ends_with(".safetensors")) {
      shards.push_back(entry.path());
    }
  }
  return shards;
}

WeightSummary summarize_weights(const std::filesystem::path& directory,
                                const std::optional<io::BertConfig>& config) {
  WeightSummary summary;
  const auto source = io::without_prefix(io::open_checkpoint(directory), "bert.");
  for (const std::string& name : source->names()) {
    ++summary.num_tensors;
    summary.num_parameters += source->shape(name).num_elements();
  }
  for (const std::filesystem::path& path : weight_files(directory)) {
    const io::SafetensorsFile file(path);
    for (const std::string& name : file.names()) ++summary.tensors_of_dtype[file.entry(name).dtype];
  }
  if (config) {
    summary.against_model =
        models::compare_weights(*source, models::BertModel::expected_weights(*config));
  }
  return summary;
}

LengthLimit limit_of(const io::ModelDirectory& directory, const io::BertConfig& config) {
  const int64_t limit = io::max_sequence_length(directory.max_seq_length,
                                                directory.model_max_length, config.max_tokens());
  if (directory.max_seq_length == limit) return {limit, "sentence_bert_config.json"};
  if (!directory.max_seq_length && directory.model_max_length == limit) {
    return {limit, "tokenizer_config.json"};
  }
  return {limit, "config.json's positions"};
}

void try_to_load(ModelReport& report) {
  TextEncoderOptions options{.dtype = ComputeType::f32, .num_threads = 1};
  const bool names_pooling =
      report.directory && std::ranges::any_of(report.directory->modules, [](const auto& module) {
        return std::holds_alternative<io::PoolingModule>(module);
      });
  if (!names_pooling) options.pooling = Pooling::mean;
  report.dim = TextEncoder::load(report.path, options).dim();
  report.is_runnable = true;
}

}  // namespace

ModelReport report_on_model(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) {
    fail<FileError>(path.string(), ": expected a model directory, got ",
                    std::filesystem::exists(path) ? "a file" : "nothing");
  }
  ModelReport report;
  report.path = path;
  attempt(report, [&] { report.directory = io::describe_directory(path); });
  const std::filesystem::path transformer = report.directory ? report.directory->transformer : path;
  if (report.directory) attempt(report, [&] { report.config = report.directory->config.bert(); });
  attempt(report, [&] { report.weights = summarize_weights(transformer, report.config); });
  attempt(report, [&] { report.tokenizer = text::Tokenizer::load(transformer); });
  if (report.config) report.max_length = limit_of(*report.directory, *report.config);
  attempt(report, [&] { try_to_load(report); });
  return report;
}

}  // namespace nopad::apps
