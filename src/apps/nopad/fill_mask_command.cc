// nopad fill-mask: which words could stand where a text has a mask.
#include <memory>
#include <string>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "nopad/core/error.h"
#include "nopad/runtime/mask_filler.h"

namespace nopad::apps {
namespace {

struct FillMaskArguments {
  LineJobArguments job;
  int64_t top = 5;
};

constexpr const char* kLine =
    "{\"index\":0, \"file\":..., \"line\":1, \"text\":..., \"masks\":[{\"start\":4, \"end\":10, "
    "\"candidates\":[{\"id\":3899, \"token\":\"dog\", \"score\":0.8, \"text\":...}]}]} per text. "
    "start and end count bytes of the text; a candidate's text is the whole one with it in its "
    "place, as the tokenizer decodes it.";

constexpr const char* kExamples =
    "Examples:\n"
    "  echo \"The [MASK] barks.\" | nopad fill-mask --model bert-base-uncased --top 3\n"
    "  nopad fill-mask --model roberta-base --field text posts.jsonl > filled.jsonl\n";

Json describe(const FilledMask& mask) {
  Json candidates = Json::array();
  for (const MaskCandidate& candidate : mask.candidates) {
    candidates.push_back({{"id", candidate.id},
                          {"token", candidate.token},
                          {"score", to_json(candidate.score)},
                          {"text", candidate.text}});
  }
  return {
      {"start", mask.span.begin}, {"end", mask.span.end}, {"candidates", std::move(candidates)}};
}

Json describe(const Record& record, const std::vector<FilledMask>& masks) {
  Json list = Json::array();
  for (const FilledMask& mask : masks) list.push_back(describe(mask));
  return {{"text", record.text}, {"masks", std::move(list)}};
}

void run_fill_mask(const FillMaskArguments& arguments) {
  if (arguments.top < 1) fail<OptionError>("--top: expected 1 or more, got ", arguments.top);
  RecordReader reader = arguments.job.input.open();
  const MaskFiller filler =
      MaskFiller::load(arguments.job.model.model, arguments.job.model.complete_options());
  run_line_job(
      arguments.job, "fill-mask", reader,
      [&](const Record& record) { return filler.tokenize(record.text); },
      [&](std::span<const Record> records, std::span<const text::Encoding> texts) {
        const auto filled = filler.fill(texts, arguments.top);
        std::vector<Json> lines;
        for (size_t i = 0; i < records.size(); ++i) {
          lines.push_back(describe(records[i], filled[i]));
        }
        return lines;
      });
}

}  // namespace

Command add_fill_mask_command(CLI::App& parent) {
  const auto arguments = std::make_shared<FillMaskArguments>();
  CLI::App& app =
      *parent.add_subcommand("fill-mask", "Say which words could stand at a text's masks");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR [OPTION]... [FILE]..."));
  arguments->job.add_to(app, kLine);
  app.option_defaults()->group("Output");
  app.add_option("--top", arguments->top, "How many candidates for each mask, the best first.")
      ->type_name("N")
      ->capture_default_str();
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_fill_mask(*arguments); }};
}

}  // namespace nopad::apps
