// nopad tag: labels for the tokens of texts, or for what is named in them.
#include <memory>
#include <string>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "nopad/core/error.h"
#include "nopad/runtime/token_tagger.h"

namespace nopad::apps {
namespace {

struct TagArguments {
  LineJobArguments job;
  std::string aggregation = "simple";
  TagOptions options;
};

constexpr const char* kLine =
    "{\"index\":0, \"file\":..., \"line\":1, \"entities\":[{\"label\":\"PER\", \"score\":0.99, "
    "\"start\":0, \"end\":4, \"text\":\"Anna\"}]} per text. start and end count bytes of the text. "
    "What is labelled O is left out.";

constexpr const char* kExamples =
    "Examples:\n"
    "  echo \"Anna moved to Lisbon.\" | nopad tag --model bert-base-NER\n"
    "  nopad tag --model bert-base-NER --stride 64 --field body posts.jsonl > named.jsonl\n";

Json describe(const Record& record, const std::vector<TaggedSpan>& entities) {
  Json list = Json::array();
  for (const TaggedSpan& entity : entities) {
    list.push_back({{"label", entity.label},
                    {"score", to_json(entity.score)},
                    {"start", entity.span.begin},
                    {"end", entity.span.end},
                    {"text", text::slice(record.text, entity.span)}});
  }
  Json line;
  line["entities"] = std::move(list);
  return line;
}

std::vector<std::string> texts_of(std::span<const Record> records) {
  std::vector<std::string> texts;
  for (const Record& record : records) texts.push_back(record.text);
  return texts;
}

void run_tag(const TagArguments& arguments) {
  TagOptions options = arguments.options;
  options.aggregation = aggregation_from_string(arguments.aggregation);
  if (options.stride && options.aggregation == Aggregation::none) {
    fail<OptionError>("--stride: expected another --aggregation than none with it");
  }
  RecordReader reader = arguments.job.input.open();
  const TokenTagger tagger =
      TokenTagger::load(arguments.job.model.model, arguments.job.model.complete_options());
  run_line_job(
      arguments.job, "tag", reader,
      [&](const Record& record) { return tagger.tokenize(record.text, options); },
      [&](std::span<const Record> records, std::span<const std::vector<text::Encoding>> windows) {
        const auto tagged = tagger.tag(texts_of(records), windows, options);
        std::vector<Json> lines;
        for (size_t i = 0; i < records.size(); ++i) {
          lines.push_back(describe(records[i], tagged[i]));
        }
        return lines;
      });
}

}  // namespace

Command add_tag_command(CLI::App& parent) {
  const auto arguments = std::make_shared<TagArguments>();
  CLI::App& app = *parent.add_subcommand("tag", "Label tokens, or what a text names");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR [OPTION]... [FILE]..."));
  arguments->job.add_to(app, kLine);
  app.option_defaults()->group("Labels");
  app.add_option("--aggregation", arguments->aggregation,
                 "none: each token by itself. simple: neighbours of one label are one, whatever "
                 "B- or I- stands before it. first, max, average: as simple, after each word got "
                 "one label: its first token's, its surest token's, or that of the mean over its "
                 "tokens.")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--stride", arguments->options.stride,
                 "Read a text that is too long in windows that share so many tokens, instead of "
                 "cutting it. Where two windows differ, the longer entity counts.")
      ->type_name("TOKENS");
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_tag(*arguments); }};
}

}  // namespace nopad::apps
