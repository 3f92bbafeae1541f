#include "nopad/runtime/question_answerer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/models/answer_search.h"
#include "nopad/models/question_answering_head.h"
#include "nopad/text/lower_case.h"
#include "runtime/expect_head.h"
#include "runtime/text_model.h"
#include "runtime/text_windows.h"

namespace nopad {
namespace {

constexpr int64_t kDefaultWindow = 384;
constexpr int64_t kDefaultStride = 128;
constexpr int64_t kMaxTop = int64_t{1} << 20;

bool is_context(const text::Encoding& window, size_t token) {
  return window.sources[token] == text::Source::second;
}

// From the beginning of the first token's word to the end of the last one's, as far as the window
// has them.
text::Span align_to_words(const text::Encoding& window, const models::AnswerSpan& answer) {
  auto first = static_cast<size_t>(answer.begin_token);
  auto last = static_cast<size_t>(answer.end_token) - 1;
  const auto shares_word = [&](size_t a, size_t b) {
    return is_context(window, b) && window.words[a] == window.words[b];
  };
  while (first > 0 && shares_word(first, first - 1)) --first;
  while (last + 1 < window.size() && shares_word(last, last + 1)) ++last;
  return {window.spans[first].begin, window.spans[last].end};
}

// The answers to one question, gathered from the windows over its context.
class AnswerList {
 public:
  AnswerList(std::string_view context, const AnswerOptions& options)
      : context_(context), options_(options) {}

  // start, end : [length] of the window
  void add(const text::Encoding& window, const Tensor& start, const Tensor& end);
  std::vector<Answer> finish();

 private:
  void add(text::Span span, double score);

  struct Found {
    text::Span span;
    double score;
  };
  std::string_view context_;
  const AnswerOptions& options_;
  std::vector<Found> found_;
  std::map<std::string, size_t> places_;  // of texts in lower case, among what was found
  double no_answer_ = 1;                  // that of the window that is least sure of it
};

void AnswerList::add(const text::Encoding& window, const Tensor& start, const Tensor& end) {
  expect_within(window, text::Source::second, context_);
  Tensor keep = Tensor::empty({std::ssize(window.ids)}, DType::boolean);
  const auto kept = keep.mutable_values<bool>();
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = is_context(window, i);
  // More than asked for: some will turn out to be the same words.
  const models::Answers answers = models::find_answers(
      start.values<float>(), end.values<float>(), kept,
      {.top_k = 2 * options_.top + 10, .max_answer_tokens = options_.max_answer_tokens});
  for (const models::AnswerSpan& answer : answers.spans) {
    add(align_to_words(window, answer), answer.score);
  }
  no_answer_ = std::min(no_answer_, answers.no_answer);
}

void AnswerList::add(text::Span span, double score) {
  const auto [place, is_new] =
      places_.try_emplace(text::lower_case(text::slice(context_, span)), found_.size());
  if (is_new) {
    found_.push_back({span, score});
  } else {
    found_[place->second].score += score;
  }
}

std::vector<Answer> AnswerList::finish() {
  if (options_.may_be_impossible) found_.push_back({{}, no_answer_});
  std::ranges::stable_sort(found_, std::greater(), &Found::score);
  std::vector<Answer> answers;
  for (const Found& found : found_) {
    if (std::ssize(answers) == options_.top) break;
    answers.push_back({found.span, static_cast<float>(found.score)});
  }
  return answers;
}

void expect_options(const AnswerOptions& options) {
  if (options.top < 1 || options.top > kMaxTop) {
    fail<OptionError>("QuestionAnswerer: top: expected 1 to ", kMaxTop, ", got ", options.top);
  }
  if (options.max_answer_tokens < 1) {
    fail<OptionError>("QuestionAnswerer: max_answer_tokens: expected 1 or more, got ",
                      options.max_answer_tokens);
  }
}

}  // namespace

struct QuestionAnswerer::Content {
  TextModel model;
  models::QuestionAnsweringHead head;

  // Where nobody says otherwise, no more than what leaves a window something of its own.
  int64_t choose_stride(const Question& question, const std::optional<int64_t>& wanted) const {
    if (wanted) return *wanted;
    const int64_t window = model.encode_options.max_length;
    text::EncodeOptions whole = model.encode_options;
    whole.max_length = 0;
    const int64_t room =
        window - std::ssize(model.tokenizer.encode_pair(question.question, "", whole).ids);
    return std::max<int64_t>(0, std::min({kDefaultStride, window / 2, room - 1}));
  }
};

QuestionAnswerer::QuestionAnswerer(std::unique_ptr<Content> content)
    : content_(std::move(content)) {}
QuestionAnswerer::~QuestionAnswerer() = default;
QuestionAnswerer::QuestionAnswerer(QuestionAnswerer&&) noexcept = default;
QuestionAnswerer& QuestionAnswerer::operator=(QuestionAnswerer&&) noexcept = default;

QuestionAnswerer QuestionAnswerer::load(const std::filesystem::path& directory,
                                        const ModelOptions& options) {
  TextModel model = TextModel::load(directory, options);
  const ExecutionScope scope(model.execution);
  if (!options.max_length) {
    model.encode_options.max_length = std::min(model.encode_options.max_length, kDefaultWindow);
  }
  const io::ModelConfig& config = model.directory.config;
  expect_head(model, {"question answering", "ForQuestionAnswering"},
              models::QuestionAnsweringHead::expected_weights(config));
  auto head = models::QuestionAnsweringHead::load(config, *model.weights);
  return QuestionAnswerer(std::make_unique<Content>(Content{std::move(model), std::move(head)}));
}

std::vector<text::Encoding> QuestionAnswerer::tokenize(const Question& question,
                                                       const AnswerOptions& options) const {
  if (question.question.empty()) fail<InputError>("QuestionAnswerer: question: expected a text");
  if (question.context.empty()) fail<InputError>("QuestionAnswerer: context: expected a text");
  const TextModel& model = content_->model;
  if (model.encode_options.truncation == text::Truncation::none) {
    return {model.tokenize(question.question, question.context)};
  }
  text::EncodeOptions encode_options = model.encode_options;
  encode_options.truncation = text::Truncation::only_second;
  encode_options.stride = content_->choose_stride(question, options.stride);
  return model.tokenizer.encode_pair_windows(question.question, question.context, encode_options);
}

std::vector<std::vector<Answer>> QuestionAnswerer::answer(
    std::span<const Question> questions, std::span<const std::vector<text::Encoding>> windows,
    const AnswerOptions& options) const {
  expect_options(options);
  if (questions.size() != windows.size()) {
    fail<ShapeError>("QuestionAnswerer: windows: expected those of ", questions.size(),
                     " questions, got ", windows.size());
  }
  std::vector<AnswerList> lists;
  for (const Question& question : questions) lists.emplace_back(question.context, options);
  const TextWindows all(windows);
  content_->model.run(all.encodings, [&](SequenceRange range, const RaggedTensor& hidden) {
    const models::AnswerLogits logits = content_->head(hidden);
    for (int64_t i = range.begin; i < range.end; ++i) {
      const auto window = static_cast<size_t>(i);
      lists[all.texts[window]].add(all.encodings[window], logits.start.sequence(i - range.begin),
                                   logits.end.sequence(i - range.begin));
    }
  });
  std::vector<std::vector<Answer>> out;
  for (AnswerList& list : lists) out.push_back(list.finish());
  return out;
}

std::vector<std::vector<Answer>> QuestionAnswerer::answer(std::span<const Question> questions,
                                                          const AnswerOptions& options) const {
  std::vector<std::vector<text::Encoding>> windows(questions.size());
  for_each_text(questions.size(), [&](size_t i) { windows[i] = tokenize(questions[i], options); });
  return answer(questions, windows, options);
}

}  // namespace nopad
