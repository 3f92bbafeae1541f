// QuestionAnswerer: the part of a text that answers a question.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/runtime/model_options.h"
#include "nopad/text/tokenizer.h"

namespace nopad {

struct Question {
  std::string question;
  std::string context;
};

struct Answer {
  text::Span span;  // in the context; empty where there is no answer
  float score = 0;

  friend bool operator==(const Answer&, const Answer&) = default;
};

struct AnswerOptions {
  int64_t top = 1;  // how many answers, the best first
  int64_t max_answer_tokens = 15;
  // Tokens that a window over a long context shares with the one before; none: 128, or half a window
  // if that is less.
  std::optional<int64_t> stride = {};
  bool may_be_impossible = false;  // whether "no answer" is one
};

// A model saved with a question answering head. A context that is longer than the model reads, or
// than 384 tokens with the question where ModelOptions has no max_length, is read in windows, and the
// best answer of all counts; with ModelOptions::truncate off it is an error. Scores have the same bits whatever other
// questions are asked with one, and however many threads run.
class QuestionAnswerer {
 public:
  // Throws FileError, FormatError, WeightError: naming the file, and a head that is missing.
  static QuestionAnswerer load(const std::filesystem::path& directory,
                               const ModelOptions& options = {});
  ~QuestionAnswerer();
  QuestionAnswerer(QuestionAnswerer&&) noexcept;
  QuestionAnswerer& operator=(QuestionAnswerer&&) noexcept;

  // The windows over a question's context, in its order.
  // Throws InputError: not UTF-8, an empty question or context; LimitError: a question that leaves
  // no room for the context, or for more of it than the stride; OptionError: a stride below 0.
  std::vector<text::Encoding> tokenize(const Question& question,
                                       const AnswerOptions& options = {}) const;

  // windows : tokenize() of each question
  // return  : for each question its answers, the best first. They begin and end with words; answers
  //           that read alike but for their case are one, where the best of them stands, and their
  //           scores add up
  // Edge    : a context of no tokens has no answers
  // Throws  : InputError, an id outside the vocabulary; ShapeError, another number of questions, or
  //           windows over another context; OptionError, a limit below 1
  // Source  : the question-answering pipeline of transformers 4
  std::vector<std::vector<Answer>> answer(std::span<const Question> questions,
                                          std::span<const std::vector<text::Encoding>> windows,
                                          const AnswerOptions& options = {}) const;
  std::vector<std::vector<Answer>> answer(std::span<const Question> questions,
                                          const AnswerOptions& options = {}) const;

 private:
  struct Content;
  explicit QuestionAnswerer(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

}  // namespace nopad
