// nopad classify: the labels that fit each text, or each pair of texts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "nopad/core/error.h"
#include "nopad/runtime/text_classifier.h"

namespace nopad::apps {
namespace {

struct ClassifyArguments {
  LineJobArguments job;
  int64_t top = 1;
  bool as_logits = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad classify --model sentiment reviews.txt\n"
    "  nopad classify --model topics --top 0 --field body posts.jsonl > topics.jsonl\n"
    "  nopad classify --model entailment --field premise --pair-field hypothesis pairs.jsonl\n"
    "  printf 'It rained.\\tThe road is wet.\\n' | nopad classify --model bert-base --pairs\n";

// The best labels first; of equal scores the first label; NaN last.
Json rank_labels(const std::vector<std::string>& labels, std::span<const float> scores,
                 int64_t top) {
  std::vector<size_t> order(labels.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) {
    return std::isnan(scores[i]) ? -std::numeric_limits<float>::infinity() : scores[i];
  });
  if (top > 0 && top < std::ssize(order)) order.resize(static_cast<size_t>(top));
  Json out = Json::array();
  for (const size_t i : order) {
    out.push_back({{"label", labels[i]}, {"score", to_json(scores[i])}});
  }
  return out;
}

void run_classify(const ClassifyArguments& arguments) {
  if (arguments.top < 0) fail<OptionError>("--top: expected 0 or more, got ", arguments.top);
  const ModelArguments& model = arguments.job.model;
  RecordReader reader = arguments.job.input.open();
  const auto classifier = TextClassifier::load(model.model, model.complete_options());
  const bool are_pairs = arguments.job.input.has_pairs();
  if (classifier.wants_pairs() && !are_pairs) {
    fail<OptionError>("--pairs, --pair-field: expected one of them for ", model.model,
                      ", which tells whether a second text follows a first, got none");
  }
  const auto tokenize = [&](const Record& record) {
    return are_pairs ? classifier.tokenize(record.text, record.others[0])
                     : classifier.tokenize(record.text);
  };
  const auto answer = [&](std::span<const Record>, std::span<const text::Encoding> texts) {
    const Tensor rows = arguments.as_logits ? classifier.logits(texts) : classifier.scores(texts);
    std::vector<Json> out;
    for (int64_t row = 0; row < rows.dim(0); ++row) {
      out.push_back(
          {{"labels", rank_labels(classifier.labels(), rows.rows(row, row + 1).values<float>(),
                                  arguments.top)}});
    }
    return out;
  };
  run_line_job(arguments.job, "classify", reader, tokenize, answer);
}

}  // namespace

Command add_classify_command(CLI::App& parent) {
  const auto arguments = std::make_shared<ClassifyArguments>();
  CLI::App& app = *parent.add_subcommand("classify", "Tell which labels fit a text, or a pair");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR [OPTION]... [FILE]..."));
  arguments->job.input.add_pairs_to(app);
  arguments->job.add_to(app,
                        "{\"index\":0,\"file\":\"lines.txt\",\"line\":1,\"labels\":[{\"label\":"
                        "\"good\",\"score\":0.9}]} per text, the best label first.");
  app.option_defaults()->group("Labels");
  app.add_option("--top", arguments->top, "How many labels to give for each text; 0: all.")
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--logits", arguments->as_logits,
               "Give the model's logits. Otherwise scores: of one label that excludes others they "
               "are probabilities that sum to 1, of labels that don't each is one of its own, and "
               "a regression's are its values; the model directory says which.");
  app.option_defaults()->group("Options");
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_classify(*arguments); }};
}

}  // namespace nopad::apps
