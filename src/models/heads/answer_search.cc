#include "nopad/models/answer_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <queue>

#include "nopad/core/error.h"

namespace nopad::models {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// The place of the largest value in a range, the first of equals.
class RangeMax {
 public:
  // A view: the values must outlive it.
  explicit RangeMax(std::span<const double> values) : values_(values) {
    std::vector<size_t> level(values.size());
    std::iota(level.begin(), level.end(), size_t{0});
    levels_.push_back(std::move(level));
    for (size_t width = 1; 2 * width <= values.size(); width *= 2) {
      const std::vector<size_t>& below = levels_.back();
      std::vector<size_t> next(values.size() - 2 * width + 1);
      for (size_t i = 0; i < next.size(); ++i) next[i] = larger(below[i], below[i + width]);
      levels_.push_back(std::move(next));
    }
  }

  // Of [begin, end), which is not empty.
  size_t operator()(size_t begin, size_t end) const {
    const auto level = static_cast<size_t>(std::bit_width(end - begin)) - 1;
    return larger(levels_[level][begin], levels_[level][end - (size_t{1} << level)]);
  }

 private:
  size_t larger(size_t a, size_t b) const { return values_[b] > values_[a] ? b : a; }

  std::span<const double> values_;
  std::vector<std::vector<size_t>> levels_;  // of ranges of 1, 2, 4, ... values
};

// The best answer that begins at one token and ends with one of [end_low, end_high).
struct Candidate {
  double score;
  size_t begin, end;
  size_t end_low, end_high;

  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.score != b.score) return a.score < b.score;
    return a.begin != b.begin ? a.begin > b.begin : a.end > b.end;
  }
};

void expect_arguments(size_t start, size_t end, size_t keep, const AnswerLimits& limits) {
  if (end != start || keep != start) {
    fail<ShapeError>("find_answers: expected start, end and keep of one length, got ", start, ", ",
                     end, " and ", keep);
  }
  if (limits.top_k < 1) {
    fail<OptionError>("find_answers: top_k: expected 1 or more, got ", limits.top_k);
  }
  if (limits.max_answer_tokens < 1) {
    fail<OptionError>("find_answers: max_answer_tokens: expected 1 or more, got ",
                      limits.max_answer_tokens);
  }
}

// Shares of one among token 0 and the kept tokens; 0 for the others.
std::vector<double> probabilities(std::span<const float> logits, std::span<const bool> keep) {
  std::vector<double> out(logits.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const bool takes_part = (i == 0 || keep[i]) && !std::isnan(logits[i]);
    out[i] = takes_part ? std::min(logits[i], std::numeric_limits<float>::max()) : kNever;
  }
  const double largest = out.empty() ? kNever : *std::ranges::max_element(out);
  if (largest == kNever) return std::vector<double>(out.size(), 0.0);
  double sum = 0;
  for (double& x : out) sum += x = std::exp(x - largest);
  for (double& x : out) x /= sum;
  return out;
}

// Answers in falling order, each found when it is asked for.
class AnswerQueue {
 public:
  // Views of the probabilities, which are kNever where no answer begins or ends.
  AnswerQueue(std::span<const double> starts, std::span<const double> ends,
              size_t max_answer_tokens)
      : starts_(starts), ends_(ends), largest_end_(ends) {
    for (size_t i = 0; i < starts.size(); ++i) {
      if (starts[i] != kNever) add(i, i, i + std::min(max_answer_tokens, starts.size() - i));
    }
  }

  std::optional<AnswerSpan> next() {
    if (queue_.empty()) return std::nullopt;
    const Candidate best = queue_.top();
    queue_.pop();
    add(best.begin, best.end_low, best.end);
    add(best.begin, best.end + 1, best.end_high);
    return AnswerSpan{.begin_token = static_cast<int64_t>(best.begin),
                      .end_token = static_cast<int64_t>(best.end) + 1,
                      .score = best.score};
  }

 private:
  void add(size_t begin, size_t end_low, size_t end_high) {
    if (end_low == end_high) return;
    const size_t end = largest_end_(end_low, end_high);
    if (ends_[end] == kNever) return;
    queue_.push({starts_[begin] * ends_[end], begin, end, end_low, end_high});
  }

  std::span<const double> starts_;
  std::span<const double> ends_;
  RangeMax largest_end_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

Answers find_answers(std::span<const float> start, std::span<const float> end,
                     std::span<const bool> keep, const AnswerLimits& limits) {
  expect_arguments(start.size(), end.size(), keep.size(), limits);
  if (start.empty()) return {};
  std::vector<double> starts = probabilities(start, keep);
  std::vector<double> ends = probabilities(end, keep);
  Answers answers{.no_answer = starts[0] * ends[0]};
  for (size_t i = 0; i < starts.size(); ++i) {
    if (i == 0 || !keep[i]) starts[i] = ends[i] = kNever;
  }
  AnswerQueue queue(starts, ends, static_cast<size_t>(limits.max_answer_tokens));
  while (std::ssize(answers.spans) < limits.top_k) {
    const std::optional<AnswerSpan> answer = queue.next();
    if (!answer) break;
    answers.spans.push_back(*answer);
  }
  return answers;
}

}  // namespace nopad::models
