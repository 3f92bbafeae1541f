#include "nopad/ragged/batching.h"

#include <algorithm>
#include <limits>

#include "nopad/core/error.h"

namespace nopad {

std::vector<SequenceRange> batch_by_tokens(std::span<const int64_t> lengths, BatchBudget budget) {
  if (budget.max_tokens < 1) {
    fail<OptionError>("batch_by_tokens: max_tokens: expected 1 or more, got ", budget.max_tokens);
  }
  if (budget.max_sequences < 0) {
    fail<OptionError>("batch_by_tokens: max_sequences: expected 0 or more, got ",
                      budget.max_sequences);
  }
  const int64_t max_sequences =
      budget.max_sequences == 0 ? std::numeric_limits<int64_t>::max() : budget.max_sequences;
  std::vector<SequenceRange> batches;
  int64_t room = 0;  // below 0 after a sequence that is longer than the budget
  for (int64_t b = 0; b < std::ssize(lengths); ++b) {
    const int64_t length = lengths[static_cast<size_t>(b)];
    if (length < 0) {
      fail<LayoutError>("batch_by_tokens: lengths: expected 0 or more, got ", length,
                        " for sequence ", b);
    }
    if (b == 0 || room < length || b - batches.back().begin == max_sequences) {
      batches.push_back({b, b});
      room = budget.max_tokens;
    }
    batches.back().end = b + 1;
    room -= length;
  }
  return batches;
}

int64_t padded_tokens(std::span<const int64_t> lengths) {
  if (lengths.empty()) return 0;
  const int64_t longest = std::ranges::max(lengths);
  int64_t total = 0;
  if (__builtin_mul_overflow(std::ssize(lengths), longest, &total)) {
    fail<LimitError>("padded_tokens: lengths: expected a total in 63 bits, got ", lengths.size(),
                     " x ", longest);
  }
  return total;
}

}  // namespace nopad
