// find_answers: the likeliest answers among the tokens of a text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nopad::models {

// The tokens [begin_token, end_token) of a sequence.
struct AnswerSpan {
  int64_t begin_token = 0;
  int64_t end_token = 0;
  double score =
      0;  // the probability of its first token as the beginning times its last's as the end

  friend bool operator==(const AnswerSpan&, const AnswerSpan&) = default;
};

struct AnswerLimits {
  int64_t top_k = 1;               // 1 or more
  int64_t max_answer_tokens = 15;  // 1 or more
};

struct Answers {
  std::vector<AnswerSpan> spans = {};  // at most top_k, the best first; of equals the earlier one
  double no_answer = 0;                // the score of token 0 alone: that the text does not say
};

// start, end : [length]   the logits of one sequence, as QuestionAnsweringHead gives them
// keep       : [length]   true = an answer may begin or end here: the text's tokens, not the
//              question's. Token 0 is where "no answer" points to, and never in one
// Mask       : consumes keep: probabilities are shares among token 0 and the kept tokens
// Edge       : an empty sequence, or nothing kept, gives no spans; NaN is taken for -inf
// Throws     : ShapeError, other lengths; OptionError, a limit below 1
// Cost       : length log(length) + top_k log(top_k + length)
// Source     : transformers' QuestionAnsweringPipeline, before it aligns answers to words
Answers find_answers(std::span<const float> start, std::span<const float> end,
                     std::span<const bool> keep, const AnswerLimits& limits = {});

}  // namespace nopad::models
