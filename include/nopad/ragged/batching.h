// Batches by a budget of tokens: a batch costs what its tokens cost, however many texts they are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nopad {

// Sequences [begin, end), in the caller's order.
struct SequenceRange {
  int64_t begin = 0;
  int64_t end = 0;
  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

struct BatchBudget {
  int64_t max_tokens = 1024;
  int64_t max_sequences = 0;  // 0: any number
};
// Cuts a list of sequences into consecutive batches, each as long as the budget allows. The order
// stays and nothing is sorted: without padding there is nothing to gain from it.
// lengths : [B]   each 0 or more
// return  : ranges that cover [0, B), none of them empty; a sequence longer than max_tokens stands
//           alone
// Edge    : no sequences: no batches; empty sequences cost nothing, only max_sequences bounds them
// Throws  : OptionError, max_tokens below 1 or max_sequences below 0; LayoutError, a length below 0
std::vector<SequenceRange> batch_by_tokens(std::span<const int64_t> lengths, BatchBudget budget);

// How many tokens one batch of these lengths would have, were each padded to the longest: B x L.
// Against the sum of the lengths it says what padding would have cost.
// lengths : [B]   each 0 or more
// Throws  : LimitError, beyond int64
int64_t padded_tokens(std::span<const int64_t> lengths);

}  // namespace nopad
