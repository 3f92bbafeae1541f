// nopad tokenize: what a model reads of a text.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/nopad/arguments.h"
#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/interrupt.h"
#include "apps/nopad/output.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"
#include "nopad/io/sentence_transformers.h"
#include "nopad/text/tokenizer.h"

namespace nopad::apps {
namespace {

struct TokenizeArguments {
  std::string model;
  InputArguments input;
  text::EncodeOptions options;
  std::string truncation = "longest_first";
  bool as_json = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  echo \"Hello, fish!\" | nopad tokenize --model all-MiniLM-L6-v2\n"
    "  nopad tokenize --model all-MiniLM-L6-v2 --json --max-length 128 lines.txt\n"
    "  printf 'a question\\tan answer\\n' | nopad tokenize --model bert-base --pairs\n";

text::Truncation truncation_from_string(std::string_view name) {
  if (name == "none") return text::Truncation::none;
  if (name == "longest_first") return text::Truncation::longest_first;
  if (name == "only_first") return text::Truncation::only_first;
  if (name == "only_second") return text::Truncation::only_second;
  fail<OptionError>("--truncation: expected none, longest_first, only_first or only_second, got ",
                    name);
}

// The weights are not looked at: a folder that holds a tokenizer alone will do.
text::Tokenizer load_tokenizer(const std::filesystem::path& directory) {
  if (!std::filesystem::exists(directory / "modules.json")) {
    return text::Tokenizer::load(directory);
  }
  return text::Tokenizer::load(io::describe_directory(directory).transformer);
}

text::Encoding encode(const text::Tokenizer& tokenizer, const Record& record,
                      const text::EncodeOptions& options) {
  return at_place_of(record, [&] {
    return record.others.empty() ? tokenizer.encode(record.text, options)
                                 : tokenizer.encode_pair(record.text, record.others[0], options);
  });
}

void write_json(const text::Tokenizer& tokenizer, const Record& record,
                const text::Encoding& encoding, Output& output) {
  nlohmann::ordered_json tokens = nlohmann::json::array(), offsets = tokens, sequences = tokens;
  for (size_t i = 0; i < encoding.size(); ++i) {
    const bool is_frame = encoding.sources[i] == text::Source::frame;
    tokens.push_back(tokenizer.token(encoding.ids[i]));
    offsets.push_back({encoding.spans[i].begin, encoding.spans[i].end});
    sequences.push_back(
        is_frame ? nlohmann::ordered_json()
                 : nlohmann::ordered_json(encoding.sources[i] == text::Source::second ? 1 : 0));
  }
  const nlohmann::ordered_json line{{"file", record.file},
                                    {"line", record.line},
                                    {"tokens", std::move(tokens)},
                                    {"ids", encoding.ids},
                                    {"type_ids", encoding.type_ids},
                                    {"offsets", std::move(offsets)},
                                    {"sequence_ids", std::move(sequences)},
                                    {"truncated_tokens", encoding.num_truncated}};
  output.write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

// "  12-16  7592  hello", with "1:" or "2:" before the offsets of a pair's texts.
std::string token_line(const text::Tokenizer& tokenizer, const text::Encoding& encoding, size_t i,
                       bool is_pair) {
  std::string place = "-";
  if (encoding.sources[i] != text::Source::frame) {
    const bool is_second = encoding.sources[i] == text::Source::second;
    place = concat(!is_pair    ? ""
                   : is_second ? "2:"
                               : "1:",
                   encoding.spans[i].begin, "-", encoding.spans[i].end);
  }
  char columns[64];
  std::snprintf(columns, sizeof columns, "  %9s  %7d  ", place.c_str(), encoding.ids[i]);
  return concat(columns, one_line(tokenizer.token(encoding.ids[i])), "\n");
}

void write_text(const text::Tokenizer& tokenizer, const Record& record,
                const text::Encoding& encoding, Output& output) {
  output.write(
      concat(place_of(record), ": ", encoding.size(), " tokens",
             encoding.num_truncated > 0 ? concat(", ", encoding.num_truncated, " more cut off")
                                        : std::string(),
             ": ", one_line(record.text),
             record.others.empty() ? "" : concat(" | ", one_line(record.others[0])), "\n"));
  for (size_t i = 0; i < encoding.size(); ++i) {
    output.write(token_line(tokenizer, encoding, i, !record.others.empty()));
  }
}

void run_tokenize(const TokenizeArguments& arguments) {
  text::EncodeOptions options = arguments.options;
  options.truncation = truncation_from_string(arguments.truncation);
  RecordReader reader = arguments.input.open();
  const text::Tokenizer tokenizer = load_tokenizer(arguments.model);
  Output output;
  Record record;
  while (reader.next(record)) {
    const text::Encoding encoding = encode(tokenizer, record, options);
    if (arguments.as_json) {
      write_json(tokenizer, record, encoding, output);
    } else {
      write_text(tokenizer, record, encoding, output);
    }
    throw_if_interrupted();
  }
  output.finish();
}

}  // namespace

Command add_tokenize_command(CLI::App& parent) {
  const auto arguments = std::make_shared<TokenizeArguments>();
  CLI::App& app =
      *parent.add_subcommand("tokenize", "Show tokens, their ids and where they come from");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR [OPTION]... [FILE]..."));
  add_model_option(app, arguments->model);
  arguments->input.add_to(app);
  arguments->input.add_pairs_to(app);
  app.option_defaults()->group("Tokens");
  app.add_option("--max-length", arguments->options.max_length,
                 "The most tokens, special ones included; 0: no limit.")
      ->type_name("TOKENS")
      ->capture_default_str();
  app.add_option("--truncation", arguments->truncation,
                 "What is cut when that is not enough: longest_first (of a pair), only_first, "
                 "only_second, or none: it is an error.")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag_function(
      "--no-special", [arguments](int64_t) { arguments->options.add_frame = false; },
      "Leave out the special tokens around a text.");
  app.add_flag_function(
      "--plain-special-tokens",
      [arguments](int64_t) { arguments->options.match_special_tokens = false; },
      "Read special tokens that are written in a text, such as [SEP], as plain text.");
  app.option_defaults()->group("Output");
  app.add_flag("--json", arguments->as_json,
               "One JSON object per text: file, line, tokens, ids, type_ids, offsets (in bytes; "
               "[0,0] for special tokens), sequence_ids (null, 0 or 1), truncated_tokens. "
               "Otherwise a line per token: bytes, id, token.");
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_tokenize(*arguments); }};
}

}  // namespace nopad::apps
