// ModelReport: what a model directory holds, as far as it can be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nopad/io/sentence_transformers.h"
#include "nopad/models/encoder_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/text/tokenizer.h"

namespace nopad::apps {

struct WeightSummary {
  int64_t num_tensors = 0;
  int64_t num_parameters = 0;
  std::map<std::string, int64_t> tensors_of_dtype;  // as stored: "F32", "BF16", ...
  // Against the encoder and the heads below; empty if config.json can't be understood.
  models::WeightReport against_model;
  std::vector<std::string> heads;          // their tasks: those there, and those config.json names
  std::vector<std::string> head_commands;  // the commands that heads with all their weights allow
};

struct LengthLimit {
  int64_t num_tokens = 0;
  std::string source;  // the file that says so
};

// What can't be read is absent, and `problems` says why.
struct ModelReport {
  std::filesystem::path path;
  std::optional<io::ModelDirectory> directory;
  std::optional<models::EncoderConfig> config;
  std::optional<WeightSummary> weights;
  std::optional<text::Tokenizer> tokenizer;
  std::optional<LengthLimit> max_length;
  // Whether `nopad embed` can run it, given a --pooling where the directory names none.
  bool is_runnable = false;
  std::optional<int64_t> dim;         // of its vectors, if it is
  std::vector<std::string> commands;  // of `nopad` that can run it
  std::vector<std::string> problems;
};

// Throws FileError: no directory there.
ModelReport report_on_model(const std::filesystem::path& path);

}  // namespace nopad::apps
