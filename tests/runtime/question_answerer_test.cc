#include "nopad/runtime/question_answerer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "runtime/recorded_pipeline.h"

namespace nopad {
namespace {

using test::pipeline_directory;

QuestionAnswerer load(const std::string& name, ModelOptions options = {}) {
  options.dtype = ComputeType::f32;
  return QuestionAnswerer::load(pipeline_directory(name), options);
}

std::vector<Question> questions_of(const nlohmann::json& record) {
  std::vector<Question> questions;
  for (const auto& input : record.at("inputs")) {
    questions.push_back({input.at("question"), input.at("context")});
  }
  return questions;
}

AnswerOptions options_of(const nlohmann::json& recorded) {
  AnswerOptions options;
  options.top = recorded.value("top_k", options.top);
  options.max_answer_tokens = recorded.value("max_answer_len", options.max_answer_tokens);
  options.may_be_impossible = recorded.value("handle_impossible_answer", false);
  if (recorded.contains("doc_stride")) options.stride = recorded.at("doc_stride").get<int64_t>();
  return options;
}

std::optional<int64_t> max_length_of(const nlohmann::json& recorded) {
  if (!recorded.contains("max_seq_len")) return std::nullopt;
  return recorded.at("max_seq_len").get<int64_t>();
}

void expect_recorded(const std::vector<Answer>& found, const nlohmann::json& expected,
                     const std::string& context) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(text::slice(context, found[i].span), expected[i].at("answer").get<std::string>());
    EXPECT_EQ(found[i].span, test::span_of(expected[i], context));
    EXPECT_NEAR(found[i].score, expected[i].at("score").get<float>(), test::kPipelineScore);
  }
}

class RecordedAnswerer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, RecordedAnswerer,
                         testing::Values("bert-answer", "roberta-answer"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(RecordedAnswerer, EqualsThePipelineUnderEverySetting) {
  const auto records = test::load_pipeline(GetParam(), "question-answering");
  ASSERT_EQ(records.size(), 8u);
  for (const auto& record : records) {
    const auto& options = record.at("options");
    const QuestionAnswerer answerer = load(GetParam(), {.max_length = max_length_of(options)});
    const std::vector<Question> questions = questions_of(record);
    const auto found = answerer.answer(questions, options_of(options));
    for (size_t i = 0; i < questions.size(); ++i) {
      SCOPED_TRACE(options.dump() + ": " + questions[i].question);
      expect_recorded(found.at(i), record.at("outputs")[i], questions[i].context);
    }
  }
}

TEST_P(RecordedAnswerer, AQuestionHasTheSameBitsInAnyCompany) {
  const auto record = test::load_pipeline(GetParam(), "question-answering").at(4);
  const std::vector<Question> questions = questions_of(record);
  const AnswerOptions options = options_of(record.at("options"));
  const QuestionAnswerer one = load(GetParam(), {.num_threads = 1, .max_length = 48});
  const QuestionAnswerer two =
      load(GetParam(), {.num_threads = 2, .max_length = 48, .batch_tokens = 50});
  const auto together = one.answer(questions, options);
  const auto apart = two.answer(questions, options);
  for (size_t i = 0; i < questions.size(); ++i) {
    SCOPED_TRACE(questions[i].question);
    EXPECT_EQ(apart[i], together[i]);
    EXPECT_EQ(one.answer(std::span(&questions[i], 1), options).at(0), together[i]);
  }
}

TEST(QuestionAnswerer, ALongContextIsReadInWindowsThatOverlap) {
  const QuestionAnswerer answerer = load("bert-answer", {.max_length = 16});
  const Question question{"What?", "one two three four five six seven eight nine ten"};
  const auto windows = answerer.tokenize(question, {.stride = 3});
  ASSERT_GT(windows.size(), 1u);
  for (size_t i = 0; i < windows.size(); ++i) {
    EXPECT_LE(windows[i].size(), 16u);
    if (i == 0) continue;
    const auto first_of = [](const text::Encoding& window) {
      return std::ranges::find(window.sources, text::Source::second) - window.sources.begin();
    };
    const text::Encoding& before = windows[i - 1];
    const auto last = before.spans.size() - 2;  // before the frame's last token
    EXPECT_EQ(windows[i].spans[static_cast<size_t>(first_of(windows[i])) + 2], before.spans[last]);
  }
}

TEST(QuestionAnswerer, AnUnstatedStrideAlwaysLeavesAWindowSomethingOfItsOwn) {
  const QuestionAnswerer answerer = load("bert-answer", {.max_length = 16});
  const std::string context(40, 'a');
  for (const char* question : {"?", "a b c d e f", "a b c d e f g h i j k l"}) {
    EXPECT_GT(answerer.tokenize({question, "a b c d e f g h"}).size(), 0u) << question;
  }
}

TEST(QuestionAnswerer, AContextOfBlanksHasNoAnswer) {
  const QuestionAnswerer answerer = load("bert-answer");
  const std::vector<Question> questions = {{"What?", "  "}};
  EXPECT_TRUE(answerer.answer(questions).at(0).empty());
  const auto impossible = answerer.answer(questions, {.may_be_impossible = true}).at(0);
  ASSERT_EQ(impossible.size(), 1u);
  EXPECT_EQ(impossible[0].span, text::Span());
  EXPECT_EQ(impossible[0].score, 1);
}

TEST(QuestionAnswerer, NoQuestionsGiveNothing) {
  EXPECT_TRUE(load("bert-answer").answer(std::span<const Question>{}).empty());
}

TEST(QuestionAnswerer, RefusesWhatItCantRead) {
  const QuestionAnswerer answerer = load("bert-answer", {.max_length = 8});
  test::expect_error<InputError>(
      [&] {
        answerer.tokenize({"", "a"});
      },
      "QuestionAnswerer: question: expected a text");
  const std::vector<Question> questions = {{"a", "a"}, {"a", ""}};
  test::expect_error<InputError>([&] { answerer.answer(questions); },
                                 "text 1: QuestionAnswerer: context: expected a text");
  EXPECT_THROW(answerer.tokenize({"a b c d e f g", "a b"}), LimitError);
  EXPECT_THROW(answerer.tokenize({"a", "a b c d e f g"}, {.stride = 7}), LimitError);
  EXPECT_THROW(answerer.tokenize({"a", "b"}, {.stride = -1}), OptionError);
  EXPECT_THROW(answerer.tokenize({"a\xff", "b"}), InputError);
}

TEST(QuestionAnswerer, WithoutTruncationALongContextIsAnError) {
  const QuestionAnswerer answerer = load("bert-answer", {.max_length = 8, .truncate = false});
  EXPECT_EQ(answerer.tokenize({"a", "b c"}).size(), 1u);
  EXPECT_THROW(answerer.tokenize({"a", "b c d e f"}), LimitError);
}

TEST(QuestionAnswerer, RefusesLimitsOutOfRange) {
  const QuestionAnswerer answerer = load("bert-answer");
  const std::vector<Question> questions = {{"a", "b"}};
  test::expect_error<OptionError>([&] { answerer.answer(questions, {.top = 0}); },
                                  "QuestionAnswerer: top: expected 1 to 1048576, got 0");
  test::expect_error<OptionError>([&] { answerer.answer(questions, {.max_answer_tokens = 0}); },
                                  "QuestionAnswerer: max_answer_tokens: expected 1 or more, got 0");
}

TEST(QuestionAnswerer, RefusesWindowsOfOtherContexts) {
  const QuestionAnswerer answerer = load("bert-answer");
  const std::vector<Question> questions = {{"a", "b"}};
  const std::vector<std::vector<text::Encoding>> other = {answerer.tokenize({"a", "b c d"})};
  test::expect_error<ShapeError>(
      [&] { answerer.answer(questions, other); },
      "windows: expected tokens within the 1 bytes of their text, got one that ends at 3");
  test::expect_error<ShapeError>(
      [&] { answerer.answer(questions, std::vector<std::vector<text::Encoding>>{}); },
      "QuestionAnswerer: windows: expected those of 1 questions, got 0");
}

TEST(QuestionAnswerer, RefusesDirectoriesWithoutItsHead) {
  const auto tagger = pipeline_directory("bert-tag");
  test::expect_error<FormatError>([&] { QuestionAnswerer::load(tagger); },
                                  tagger.string() +
                                      ": expected a head for question answering, got "
                                      "BertForTokenClassification");
}

}  // namespace
}  // namespace nopad
