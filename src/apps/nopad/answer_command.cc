// nopad answer: the parts of texts that answer questions.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "nopad/core/error.h"
#include "nopad/runtime/question_answerer.h"

namespace nopad::apps {
namespace {

struct AnswerArguments {
  LineJobArguments job;
  std::optional<std::string> question;
  std::optional<std::string> question_field;
  std::optional<std::string> context_field;
  AnswerOptions options;
};

constexpr const char* kLine =
    "{\"index\":0, \"file\":..., \"line\":1, \"answers\":[{\"text\":\"to Lisbon\", \"score\":0.9, "
    "\"start\":23, \"end\":32}]} per context, the best answer first. start and end count bytes of "
    "the context; no answer is an empty text.";

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad answer --model roberta-base-squad2 --question \"Who wrote it?\" books.txt\n"
    "  nopad answer --model roberta-base-squad2 --question-field question \\\n"
    "    --context-field context squad.jsonl > answers.jsonl\n";

RecordReader open_reader(const AnswerArguments& arguments) {
  InputArguments input = arguments.job.input;
  if (arguments.question.has_value() == arguments.question_field.has_value()) {
    fail<OptionError>("--question, --question-field: expected one of them, got ",
                      arguments.question ? "both" : "none");
  }
  if (arguments.context_field) {
    if (input.config.field) {
      fail<OptionError>("--context-field, --field: expected one of them, got both");
    }
    input.config.field = arguments.context_field;
  }
  if (arguments.question_field && !input.config.field) {
    fail<OptionError>("--question-field: expected --context-field with it");
  }
  input.config.pair_field = arguments.question_field;
  return input.open();
}

Json describe(const Record& record, const std::vector<Answer>& answers) {
  Json list = Json::array();
  for (const Answer& answer : answers) {
    list.push_back({{"text", text::slice(record.text, answer.span)},
                    {"score", to_json(answer.score)},
                    {"start", answer.span.begin},
                    {"end", answer.span.end}});
  }
  Json line;
  line["answers"] = std::move(list);
  return line;
}

void run_answer(const AnswerArguments& arguments) {
  RecordReader reader = open_reader(arguments);
  const QuestionAnswerer answerer =
      QuestionAnswerer::load(arguments.job.model.model, arguments.job.model.complete_options());
  const auto question_of = [&](const Record& record) {
    return Question{arguments.question ? *arguments.question : record.others.at(0), record.text};
  };
  run_line_job(
      arguments.job, "answer", reader,
      [&](const Record& record) {
        return answerer.tokenize(question_of(record), arguments.options);
      },
      [&](std::span<const Record> records, std::span<const std::vector<text::Encoding>> windows) {
        std::vector<Question> questions;
        for (const Record& record : records) questions.push_back(question_of(record));
        const auto answers = answerer.answer(questions, windows, arguments.options);
        std::vector<Json> lines;
        for (size_t i = 0; i < records.size(); ++i) {
          lines.push_back(describe(records[i], answers[i]));
        }
        return lines;
      });
}

// What the shared options mean here.
void describe_window_options(CLI::App& app) {
  app.get_option("--max-length")
      ->description(
          "The most tokens of a window: the question, a part of the context, and special ones. "
          "Default: 384, or the model directory's limit if that is less.");
  app.get_option("--no-truncate")
      ->description(
          "Make a context that is longer than a window an error that names its file and line.");
}

void add_question_options(CLI::App& app, AnswerArguments& arguments) {
  app.option_defaults()->group("Questions");
  app.add_option("--question", arguments.question, "What is asked about each context.")
      ->type_name("TEXT");
  app.add_option("--question-field", arguments.question_field,
                 "Each line is a JSON object; the string of this name in it is the question.")
      ->type_name("NAME");
  app.add_option("--context-field", arguments.context_field, "The context's name; as --field.")
      ->type_name("NAME");
}

void add_answer_options(CLI::App& app, AnswerOptions& options) {
  app.option_defaults()->group("Answers");
  app.add_option("--top", options.top, "How many answers for each context.")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--max-answer-tokens", options.max_answer_tokens, "The longest answer.")
      ->type_name("TOKENS")
      ->capture_default_str();
  app.add_option("--stride", options.stride,
                 "A context that is too long is not cut, but read in windows that share so many "
                 "tokens. Default: 128, or half a window if that is less.")
      ->type_name("TOKENS");
  app.add_flag("--may-be-impossible", options.may_be_impossible,
               "\"No answer\" is one, for models that were trained for it.");
}

}  // namespace

Command add_answer_command(CLI::App& parent) {
  const auto arguments = std::make_shared<AnswerArguments>();
  CLI::App& app = *parent.add_subcommand("answer", "Find what in a text answers a question");
  app.formatter(
      std::make_shared<HelpFormatter>("--model DIR --question TEXT [OPTION]... [FILE]..."));
  arguments->job.add_to(app, kLine);
  describe_window_options(app);
  add_question_options(app, *arguments);
  add_answer_options(app, arguments->options);
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_answer(*arguments); }};
}

}  // namespace nopad::apps
