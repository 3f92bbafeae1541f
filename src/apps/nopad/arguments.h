// Arguments that several commands share, and what they become.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/nopad/record_reader.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::apps {

// The model directory and how it is run.
struct ModelArguments {
  std::string model;
  std::string dtype = "auto";
  std::string isa = "auto";
  ModelOptions options;

  void add_to(CLI::App& app);
  // The options with dtype and isa. Throws OptionError: an unknown name.
  ModelOptions complete_options() const;
};

// The same, and what becomes of the tokens' vectors.
struct EncoderArguments {
  ModelArguments model;
  std::optional<std::string> pooling;
  SentenceOptions sentence;

  void add_to(CLI::App& app);
  // Throws as TextEncoder::load.
  TextEncoder load() const;
};

// Where the texts come from.
struct InputArguments {
  std::vector<std::string> files;
  RecordReader::Config config;

  void add_to(CLI::App& app);
  // Options for records of two texts: "--pairs" and "--pair-field".
  void add_pairs_to(CLI::App& app);
  bool has_pairs() const noexcept { return config.are_pairs || config.pair_field.has_value(); }
  RecordReader open() const { return RecordReader(files, config); }
};

// How much is said on stderr.
struct ReportArguments {
  bool is_quiet = false;
  bool no_progress = false;

  void add_to(CLI::App& app);
  bool wants_progress() const noexcept { return !is_quiet && !no_progress; }
};

// "--model", which every command that loads something needs.
void add_model_option(CLI::App& app, std::string& model);

}  // namespace nopad::apps
