// nopad embed: one vector per text, in the order of the texts.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/nopad/arguments.h"
#include "apps/nopad/commands.h"
#include "apps/nopad/encode_records.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "apps/nopad/row_writer.h"
#include "nopad/core/error.h"
#include "nopad/runtime/sparse_encoder.h"

namespace nopad::apps {
namespace {

struct EmbedArguments {
  EncoderArguments encoder;
  InputArguments input;
  ReportArguments report;
  std::string output = "-";
  std::optional<std::string> format;
  bool is_sparse = false;
  bool has_tokens = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad embed --model all-MiniLM-L6-v2 --output rows.npy lines.txt\n"
    "  nopad embed --model all-MiniLM-L6-v2 --field body posts.jsonl > rows.jsonl\n"
    "  nopad embed --model splade --sparse --with-tokens lines.txt\n"
    "  zcat lines.gz | nopad embed --model bert-base --pooling mean --format raw > rows.f32\n";

void expect_sparse_options(const EmbedArguments& arguments) {
  const EncoderArguments& encoder = arguments.encoder;
  if (encoder.pooling || encoder.sentence.normalize || encoder.sentence.prompt_name) {
    fail<OptionError>(
        "--sparse: expected none of --pooling, --normalize and --prompt-name with it");
  }
  if (arguments.format && row_format_from_string(*arguments.format) != RowFormat::jsonl) {
    fail<OptionError>("--format: expected jsonl with --sparse, got ", *arguments.format);
  }
}

Json describe(const SparseVector& vector, const text::Tokenizer* tokenizer) {
  Json weights = Json::array(), tokens = Json::array();
  for (const float weight : vector.weights) weights.push_back(to_json(weight));
  Json out{{"ids", vector.ids}, {"weights", std::move(weights)}};
  if (tokenizer == nullptr) return out;
  for (const int32_t id : vector.ids) {
    tokens.push_back(tokenizer->contains(id) ? Json(tokenizer->token(id)) : Json());
  }
  out["tokens"] = std::move(tokens);
  return out;
}

void run_sparse(const EmbedArguments& arguments) {
  expect_sparse_options(arguments);
  const ModelArguments& model = arguments.encoder.model;
  RecordReader reader = arguments.input.open();
  const auto encoder = SparseEncoder::load(model.model, model.complete_options());
  const auto tokenize = [&](const Record& record) { return encoder.tokenize(record.text); };
  const auto answer = [&](std::span<const Record>, std::span<const text::Encoding> texts) {
    std::vector<Json> out;
    for (const SparseVector& vector : encoder.encode(texts)) {
      out.push_back(describe(vector, arguments.has_tokens ? &encoder.tokenizer() : nullptr));
    }
    return out;
  };
  run_line_job({model, arguments.input, arguments.report, arguments.output}, "embed", reader,
               tokenize, answer);
}

void run_embed(const EmbedArguments& arguments) {
  if (arguments.is_sparse) return run_sparse(arguments);
  if (arguments.has_tokens) fail<OptionError>("--with-tokens: expected --sparse with it, got none");
  const RowFormat format = arguments.format ? row_format_from_string(*arguments.format)
                                            : default_row_format(arguments.output);
  RecordReader reader = arguments.input.open();
  const TextEncoder encoder = arguments.encoder.load();
  const auto writer = make_row_writer(arguments.output, format, encoder.dim());
  RunTotals totals;
  {
    Progress progress(arguments.report.wants_progress(), reader.total_bytes());
    totals =
        encode_records(reader, encoder, arguments.encoder.model.options.batch_tokens, progress,
                       [&](std::span<const Record>, const Tensor& rows) { writer->append(rows); });
    writer->finish();
  }
  report_totals(arguments.report, "embed", totals);
}

}  // namespace

Command add_embed_command(CLI::App& parent) {
  const auto arguments = std::make_shared<EmbedArguments>();
  CLI::App& app = *parent.add_subcommand("embed", "Turn texts into vectors, one per line");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR [OPTION]... [FILE]..."));
  arguments->input.add_to(app);
  arguments->encoder.add_to(app);
  app.option_defaults()->group("Output");
  app.add_option("--output,-o", arguments->output,
                 "Where the vectors go, in the order of the texts. A file appears when it is "
                 "complete; until then the old one stays. - is standard output.")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--format", arguments->format,
                 "npy: a float32 matrix [texts, dim] for NumPy. jsonl: {\"index\":0,"
                 "\"embedding\":[...]} per text. raw: the float32 values alone, little-endian. "
                 "Default: by the file's extension (.npy, .jsonl, .raw or .bin), else npy; jsonl "
                 "on standard output.")
      ->type_name("NAME");
  app.add_flag("--sparse", arguments->is_sparse,
               "Give a weight for each word of the vocabulary instead (SPLADE), by the model's "
               "masked language model head: {\"index\":0,\"file\":\"lines.txt\",\"line\":1,"
               "\"ids\":[...],\"weights\":[...]} per text, of the words that weigh something.");
  app.add_flag("--with-tokens", arguments->has_tokens,
               "With --sparse: the words as well, \"tokens\":[...].");
  arguments->report.add_to(app);
  app.footer(std::string(kExitCodesHelp) + "\n" + kExamples);
  return {&app, [arguments] { run_embed(*arguments); }};
}

}  // namespace nopad::apps
