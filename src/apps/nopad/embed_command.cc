// nopad embed: one vector per text, in the order of the texts.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "apps/nopad/arguments.h"
#include "apps/nopad/commands.h"
#include "apps/nopad/encode_records.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/row_writer.h"
#include "nopad/core/error.h"

namespace nopad::apps {
namespace {

struct EmbedArguments {
  EncoderArguments encoder;
  InputArguments input;
  ReportArguments report;
  std::string output = "-";
  std::optional<std::string> format;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad embed --model all-MiniLM-L6-v2 --output rows.npy lines.txt\n"
    "  nopad embed --model all-MiniLM-L6-v2 --field body posts.jsonl > rows.jsonl\n"
    "  zcat lines.gz | nopad embed --model bert-base --pooling mean --format raw > rows.f32\n";

void run_embed(const EmbedArguments& arguments) {
  const RowFormat format = arguments.format ? row_format_from_string(*arguments.format)
                                            : default_row_format(arguments.output);
  RecordReader reader = arguments.input.open();
  const TextEncoder encoder = arguments.encoder.load();
  const auto writer = make_row_writer(arguments.output, format, encoder.dim());
  EncodeTotals totals;
  {
    Progress progress(arguments.report.wants_progress(), reader.total_bytes());
    totals =
        encode_records(reader, encoder, arguments.encoder.options.batch_tokens, progress,
                       [&](std::span<const Record>, const Tensor& rows) { writer->append(rows); });
    writer->finish();
  }
  if (!arguments.report.is_quiet) {
    std::fprintf(stderr, "nopad embed: %s\n", describe(totals).c_str());
  }
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
  arguments->report.add_to(app);
  app.footer(std::string(kExitCodesHelp) + "\n" + kExamples);
  return {&app, [arguments] { run_embed(*arguments); }};
}

}  // namespace nopad::apps
