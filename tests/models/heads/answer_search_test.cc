#include "nopad/models/answer_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"

namespace nopad::models {
namespace {

// Logits of one sequence; the text begins behind the question.
struct Sequence {
  std::vector<float> start, end;
  std::vector<char> keep;  // not bool, which a vector does not keep as such

  Answers answers(const AnswerLimits& limits) const {
    const auto kept = std::make_unique<bool[]>(keep.size());
    std::ranges::copy(keep, kept.get());
    return find_answers(start, end, {kept.get(), keep.size()}, limits);
  }
};

Sequence draw_sequence(test::Random& random, size_t length) {
  Sequence sequence;
  for (size_t i = 0; i < length; ++i) {
    // Few values, so that many answers are equal.
    sequence.start.push_back(static_cast<float>(random.integer(-2, 2)));
    sequence.end.push_back(static_cast<float>(random.integer(-2, 2)));
    sequence.keep.push_back(static_cast<char>(i >= length / 4 && random.integer(0, 4) != 0));
  }
  return sequence;
}

std::vector<double> shares(const std::vector<float>& logits, const std::vector<char>& keep) {
  std::vector<double> out(logits.size());
  double sum = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = i == 0 || keep[i] != 0 ? std::exp(static_cast<double>(logits[i])) : 0;
    sum += out[i];
  }
  for (double& x : out) x /= sum;
  return out;
}

// Every span of the text, sorted.
std::vector<AnswerSpan> every_answer(const Sequence& sequence, int64_t max_answer_tokens) {
  const auto starts = shares(sequence.start, sequence.keep);
  const auto ends = shares(sequence.end, sequence.keep);
  std::vector<AnswerSpan> out;
  const int64_t length = std::ssize(starts);
  for (int64_t i = 1; i < length; ++i) {
    for (int64_t j = i; j < std::min(length, i + max_answer_tokens); ++j) {
      const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
      if (sequence.keep[a] != 0 && sequence.keep[b] != 0) {
        out.push_back({i, j + 1, starts[a] * ends[b]});
      }
    }
  }
  std::ranges::sort(out, std::greater(), &AnswerSpan::score);
  return out;
}

TEST(FindAnswers, EqualsTransformersPipeline) {
  // transformers 4.57, pipelines.question_answering: select_starts_ends(start, end, p_mask, None,
  // top_k=4, handle_impossible_answer=True, max_answer_len=3).
  const Sequence sequence{.start = {0.5f, 3.0f, 1.0f, -0.25f, 2.0f, 0.75f, 1.5f},
                          .end = {0.25f, 3.0f, 0.5f, 1.25f, -1.0f, 2.5f, 1.0f},
                          .keep = {0, 0, 1, 1, 1, 1, 1}};
  const Answers answers = sequence.answers({.top_k = 4, .max_answer_tokens = 3});
  ASSERT_EQ(answers.spans.size(), 4u);
  const std::array<AnswerSpan, 4> expected = {
      {{4, 6, 0.21688783}, {5, 6, 0.0621394}, {4, 7, 0.04839421}, {6, 7, 0.02935258}}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(answers.spans[i].begin_token, expected[i].begin_token) << i;
    EXPECT_EQ(answers.spans[i].end_token, expected[i].end_token) << i;
    EXPECT_NEAR(answers.spans[i].score, expected[i].score, 1e-7) << i;
  }
  EXPECT_NEAR(answers.no_answer, 0.0051007126, 1e-8);
}

TEST(FindAnswers, EqualsTheListOfAllSpansSorted) {
  test::Random random(3);
  for (int round = 0; round < 300; ++round) {
    const Sequence sequence = draw_sequence(random, static_cast<size_t>(random.integer(1, 40)));
    const AnswerLimits limits{.top_k = random.integer(1, 30),
                              .max_answer_tokens = random.integer(1, 45)};
    std::vector<AnswerSpan> expected = every_answer(sequence, limits.max_answer_tokens);
    if (std::ssize(expected) > limits.top_k) {
      expected.resize(static_cast<size_t>(limits.top_k));
    }
    const Answers answers = sequence.answers(limits);
    ASSERT_EQ(answers.spans.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(answers.spans[i].score, expected[i].score, 1e-12);
    }
    // Each is one of the list, and none comes twice.
    const auto key = [](const AnswerSpan& a) { return std::pair(a.begin_token, a.end_token); };
    for (size_t i = 0; i < expected.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_NE(key(answers.spans[i]), key(answers.spans[j]));
      EXPECT_NE(sequence.keep[static_cast<size_t>(answers.spans[i].begin_token)], 0);
      EXPECT_NE(sequence.keep[static_cast<size_t>(answers.spans[i].end_token) - 1], 0);
    }
  }
}

TEST(FindAnswers, OfEqualsTheEarlierComesFirst) {
  const Sequence sequence{.start = {0, 0, 0, 0}, .end = {0, 0, 0, 0}, .keep = {0, 1, 1, 1}};
  const Answers answers = sequence.answers({.top_k = 9, .max_answer_tokens = 2});
  const double score = 1.0 / 16;
  EXPECT_EQ(answers.spans,
            (std::vector<AnswerSpan>{
                {1, 2, score}, {1, 3, score}, {2, 3, score}, {2, 4, score}, {3, 4, score}}));
  EXPECT_EQ(answers.no_answer, score);
}

TEST(FindAnswers, WithoutTextThereIsNoAnswerForSure) {
  const Sequence sequence{.start = {1, 5}, .end = {2, 5}, .keep = {0, 0}};
  EXPECT_TRUE(sequence.answers({}).spans.empty());
  EXPECT_EQ(sequence.answers({}).no_answer, 1);
  EXPECT_TRUE(Sequence().answers({}).spans.empty());
}

TEST(FindAnswers, TheFirstTokenIsNeverInAnAnswer) {
  const Sequence sequence{.start = {9, 0}, .end = {9, 0}, .keep = {1, 1}};
  const Answers answers = sequence.answers({.top_k = 5});
  ASSERT_EQ(answers.spans.size(), 1u);
  EXPECT_EQ(answers.spans[0].begin_token, 1);
  EXPECT_GT(answers.no_answer, answers.spans[0].score);
}

TEST(FindAnswers, NanAndInfinityDoNotSpread) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Sequence sequence{
      .start = {0, kNan, kInf, 0}, .end = {0, kNan, -kInf, 0}, .keep = {0, 1, 1, 1}};
  const Answers answers = sequence.answers({.top_k = 9});
  ASSERT_EQ(answers.spans.size(), 6u);
  EXPECT_EQ(answers.spans[0], (AnswerSpan{2, 4, 0.5}));
  for (size_t i = 1; i < 6; ++i) EXPECT_EQ(answers.spans[i].score, 0);
  const Sequence nothing{.start = {kNan, kNan}, .end = {0, 0}, .keep = {0, 1}};
  EXPECT_EQ(nothing.answers({}).no_answer, 0);
}

TEST(FindAnswers, RefusesOtherLengthsAndLimitsBelowOne) {
  const std::vector<float> logits(3);
  const std::array<bool, 2> keep = {true, true};
  test::expect_error<ShapeError>(
      [&] { find_answers(logits, logits, keep); },
      "find_answers: expected start, end and keep of one length, got 3, 3 and 2");
  test::expect_error<OptionError>([] { Sequence().answers({.top_k = 0}); },
                                  "find_answers: top_k: expected 1 or more, got 0");
  test::expect_error<OptionError>([] { Sequence().answers({.max_answer_tokens = -1}); },
                                  "find_answers: max_answer_tokens: expected 1 or more, got -1");
}

}  // namespace
}  // namespace nopad::models
