#include "text/frame.h"

#include <algorithm>
#include <utility>

#include "nopad/core/error.h"

namespace nopad::text {
namespace {

// Cuts the longer text until both are equal, then both; an odd token goes to the longer, or the
// second.
KeptTokens truncate_longest(int64_t first, int64_t second, int64_t budget) {
  const bool swapped = first > second;
  const int64_t shorter = std::min(first, second);
  int64_t kept_shorter = shorter;
  int64_t kept_longer = shorter > budget ? shorter : std::max(shorter, budget - shorter);
  if (kept_shorter + kept_longer > budget) {
    kept_shorter = budget / 2;
    kept_longer = kept_shorter + budget % 2;
  }
  if (swapped) std::swap(kept_shorter, kept_longer);
  return {kept_shorter, kept_longer};
}

int64_t truncate_one(int64_t length, int64_t to_remove, const char* which) {
  if (length <= to_remove) {
    fail<LimitError>("encode: ", which, ": expected more than the ", to_remove,
                     " tokens that truncation must cut off it, got ", length);
  }
  return length - to_remove;
}

}  // namespace

int64_t Frame::num_added(bool is_pair) const noexcept {
  const auto& all = parts(is_pair);
  return std::count_if(all.begin(), all.end(),
                       [](const FramePart& part) { return part.source == Source::frame; });
}

Frame make_bert_frame(int32_t classify, int32_t separate) {
  const FramePart first{Source::first, 0, 0};
  const FramePart second{Source::second, 0, 1};
  const FramePart cls{Source::frame, classify, 0};
  const FramePart sep{Source::frame, separate, 0};
  const FramePart second_sep{Source::frame, separate, 1};
  return {{cls, first, sep}, {cls, first, sep, second, second_sep}};
}

Frame make_roberta_frame(int32_t classify, int32_t separate) {
  const FramePart first{Source::first, 0, 0};
  const FramePart second{Source::second, 0, 0};
  const FramePart cls{Source::frame, classify, 0};
  const FramePart sep{Source::frame, separate, 0};
  return {{cls, first, sep}, {cls, first, sep, sep, second, sep}};
}

Frame make_plain_frame() {
  const FramePart first{Source::first, 0, 0};
  const FramePart second{Source::second, 0, 1};
  return {{first}, {first, second}};
}

KeptTokens truncate(int64_t first, int64_t second, bool is_pair, int64_t max_length,
                    int64_t num_added, Truncation truncation) {
  const int64_t budget = max_length - num_added;
  const int64_t to_remove = first + second - budget;
  if (truncation == Truncation::only_second && !is_pair) {
    fail<OptionError>("encode: truncation: expected a second text with only_second, got one text");
  }
  if (to_remove <= 0) return {first, second};
  switch (truncation) {
    case Truncation::none:
      fail<LimitError>("encode: text: expected at most ", max_length,
                       " tokens without truncation, got ", first + second + num_added);
    case Truncation::longest_first:
      return is_pair ? truncate_longest(first, second, budget) : KeptTokens{budget, 0};
    case Truncation::only_first: return {truncate_one(first, to_remove, "first text"), second};
    case Truncation::only_second: return {first, truncate_one(second, to_remove, "second text")};
  }
  fail<InternalError>("truncate: truncation: got the unknown value ", static_cast<int>(truncation));
}

std::vector<TokenRange> make_windows(int64_t length, int64_t kept, int64_t stride, Side cut) {
  const auto size = static_cast<size_t>(length);
  if (kept >= length) return {{0, size}};
  if (stride < 0 || stride >= kept) {
    fail<LimitError>("encode_windows: stride: expected 0 to ", kept - 1, ", as ", kept,
                     " tokens of the text fit into a window, got ", stride);
  }
  const auto window = static_cast<size_t>(kept);
  const size_t step = window - static_cast<size_t>(stride);
  std::vector<TokenRange> windows;
  for (size_t begin = 0;; begin += step) {
    const size_t end = std::min(begin + window, size);
    windows.push_back(cut == Side::right ? TokenRange{begin, end}
                                         : TokenRange{size - end, size - begin});
    if (end == size) return windows;
  }
}

}  // namespace nopad::text
