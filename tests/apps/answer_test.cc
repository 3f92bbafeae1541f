// nopad answer: what it writes, and what it refuses.
#include <gtest/gtest.h>

#include "apps/json_lines.h"
#include "apps/run_command.h"
#include "io/scratch_directory.h"
#include "nopad/runtime/question_answerer.h"

namespace nopad::test {
namespace {

std::string model() { return NOPAD_TEST_DATA "/pipelines/bert-answer"; }

CommandResult answer(std::vector<std::string> options, const std::string& input) {
  options.insert(options.begin(), {"answer", "--model", model(), "--dtype", "f32", "-q"});
  return run_command(options, {.input = input});
}

const std::vector<Question> kQuestions = {
    {"Where did Anna move?", "Anna Kowalska moved from Warsaw to Lisbon in 2019."},
    {"Where did Anna move?", "Zo\u00eb ordered cr\u00e8me br\u00fbl\u00e9e."}};

std::string contexts() { return kQuestions[0].context + "\n" + kQuestions[1].context + "\n"; }

void expect_answers(const CommandResult& result, const std::vector<std::vector<Answer>>& expected) {
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto& answers = lines[i].at("answers");
    EXPECT_EQ(lines[i].at("index"), i);
    ASSERT_EQ(answers.size(), expected[i].size());
    for (size_t k = 0; k < expected[i].size(); ++k) {
      EXPECT_EQ(answers[k].at("start"), expected[i][k].span.begin);
      EXPECT_EQ(answers[k].at("end"), expected[i][k].span.end);
      EXPECT_EQ(answers[k].at("score").get<float>(), expected[i][k].score);
      EXPECT_EQ(answers[k].at("text").get<std::string>(),
                text::slice(kQuestions[i].context, expected[i][k].span));
    }
  }
}

std::vector<std::vector<Answer>> library_answers(const AnswerOptions& options,
                                                 const ModelOptions& model_options = {}) {
  ModelOptions complete = model_options;
  complete.dtype = ComputeType::f32;
  return QuestionAnswerer::load(model(), complete).answer(kQuestions, options);
}

TEST(AnswerCommand, AsksOneQuestionOfEachLine) {
  expect_answers(answer({"--question", kQuestions[0].question}, contexts()), library_answers({}));
}

TEST(AnswerCommand, TakesItsOptions) {
  expect_answers(
      answer({"--question", kQuestions[0].question, "--top", "3", "--max-answer-tokens", "4",
              "--may-be-impossible", "--max-length", "32", "--stride", "4"},
             contexts()),
      library_answers({.top = 3, .max_answer_tokens = 4, .stride = 4, .may_be_impossible = true},
                      {.max_length = 32}));
}

TEST(AnswerCommand, TakesQuestionsAndContextsOfJsonLines) {
  std::string input;
  for (const Question& question : kQuestions) {
    input += nlohmann::json{{"q", question.question}, {"c", question.context}}.dump() + "\n";
  }
  const CommandResult result = answer({"--question-field", "q", "--context-field", "c"}, input);
  expect_answers(result, library_answers({}));
  EXPECT_EQ(answer({"--question-field", "q", "--field", "c"}, input).out, result.out);
}

TEST(AnswerCommand, BatchesChangeNothing) {
  const std::vector<std::string> options = {"--question", "Who?", "--top", "2"};
  std::vector<std::string> other = options;
  other.insert(other.end(), {"--batch-tokens", "1", "--threads", "1"});
  EXPECT_EQ(answer(other, contexts()).out, answer(options, contexts()).out);
}

TEST(AnswerCommand, RefusesWrongUsage) {
  EXPECT_EQ(answer({}, "a\n").err,
            "nopad answer: --question, --question-field: expected one of them, got none\n");
  EXPECT_EQ(answer({"--question", "a", "--question-field", "b"}, "a\n").err,
            "nopad answer: --question, --question-field: expected one of them, got both\n");
  EXPECT_EQ(answer({"--question-field", "b"}, "a\n").err,
            "nopad answer: --question-field: expected --context-field with it\n");
  EXPECT_EQ(answer({"--question", "a", "--context-field", "b", "--field", "c"}, "a\n").err,
            "nopad answer: --context-field, --field: expected one of them, got both\n");
  EXPECT_EQ(answer({"--question", "a", "--top", "0"}, "a\n").exit_code, 2);
}

TEST(AnswerCommand, AnEmptyContextNamesItsLine) {
  const CommandResult result = answer({"--question", "Who?"}, "a\n\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "nopad answer: <stdin>:2: QuestionAnswerer: context: expected a text\n");
}

TEST(AnswerCommand, RefusesAnotherHead) {
  const std::string filler = NOPAD_TEST_DATA "/pipelines/bert-fill-mask";
  const CommandResult result =
      run_command({"answer", "--model", filler, "--question", "a"}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err, "nopad answer: " + filler +
                            ": expected a head for question answering, got BertForPreTraining\n");
}

}  // namespace
}  // namespace nopad::test
