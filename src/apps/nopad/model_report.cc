#include "apps/nopad/model_report.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "apps/nopad/model_heads.h"
#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/models/encoder.h"
#include "nopad/runtime/sparse_encoder.h"
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

// A weight that several parts use, such as the pooler's, is expected once.
void merge(std::vector<models::ExpectedWeight> more, std::vector<models::ExpectedWeight>& into) {
  for (models::ExpectedWeight& weight : more) {
    const auto found = std::ranges::find(into, weight.name, &models::ExpectedWeight::name);
    if (found == into.end()) {
      into.push_back(std::move(weight));
    } else {
      found->is_required |= weight.is_required;
    }
  }
}

void compare_with_model(const WeightSource& source, const io::ModelConfig& config,
                        const models::EncoderConfig& encoder, WeightSummary& summary) {
  auto expected = models::Encoder::expected_weights(encoder);
  for (ModelHead& head : find_heads(config, encoder, source)) {
    summary.heads.emplace_back(head.task);
    if (models::compare_weights(source, head.expected).is_loadable()) {
      summary.head_commands.insert(summary.head_commands.end(), head.commands.begin(),
                                   head.commands.end());
    }
    merge(std::move(head.expected), expected);
  }
  summary.against_model = models::compare_weights(source, expected);
}

WeightSummary summarize_weights(const std::filesystem::path& directory, const ModelReport& report) {
  WeightSummary summary;
  const auto source = report.config ? models::open_weights(directory, *report.config)
                                    : io::open_checkpoint(directory);
  for (const std::string& name : source->names()) {
    ++summary.num_tensors;
    summary.num_parameters += source->shape(name).num_elements();
    ++summary.tensors_of_dtype[source->stored_dtype(name)];
  }
  if (report.config) {
    compare_with_model(*source, report.directory->config, *report.config, summary);
  }
  return summary;
}

LengthLimit limit_of(const io::ModelDirectory& directory, const models::EncoderConfig& config) {
  const int64_t limit = io::max_sequence_length(directory.max_seq_length,
                                                directory.model_max_length, config.max_tokens());
  if (directory.max_seq_length == limit) return {limit, "sentence_bert_config.json"};
  if (!directory.max_seq_length && directory.model_max_length == limit) {
    return {limit, "tokenizer_config.json"};
  }
  return {limit, "config.json's positions"};
}

template <class Kind>
bool has_module(const io::ModelDirectory& directory) {
  return std::ranges::any_of(directory.modules, [](const io::Module& module) {
    return std::holds_alternative<Kind>(module);
  });
}

void try_to_load(ModelReport& report) {
  const ModelOptions options{.dtype = ComputeType::f32, .num_threads = 1};
  if (report.directory && has_module<io::SpladeModule>(*report.directory)) {
    report.dim = SparseEncoder::load(report.path, options).dim();
  } else {
    SentenceOptions sentence;
    const bool names_pooling = report.directory && has_module<io::PoolingModule>(*report.directory);
    if (!names_pooling) sentence.pooling = Pooling::mean;
    report.dim = TextEncoder::load(report.path, options, sentence).dim();
    report.commands.emplace_back(names_pooling ? "embed" : "embed --pooling");
  }
  report.is_runnable = true;
  if (!report.weights) return;
  const auto& of_heads = report.weights->head_commands;
  report.commands.insert(report.commands.end(), of_heads.begin(), of_heads.end());
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
  if (report.directory)
    attempt(report, [&] { report.config = models::encoder_config(report.directory->config); });
  attempt(report, [&] { report.weights = summarize_weights(transformer, report); });
  attempt(report, [&] { report.tokenizer = text::Tokenizer::load(transformer); });
  if (report.config) report.max_length = limit_of(*report.directory, *report.config);
  attempt(report, [&] { try_to_load(report); });
  return report;
}

}  // namespace nopad::apps
