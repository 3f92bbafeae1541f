#include "ops/recurrent_steps.h"

#include <algorithm>
#include <numeric>

namespace nopad::ops {
namespace {

std::vector<int64_t> longest_first(const RaggedLayout& layout) {
  std::vector<int64_t> sequences(static_cast<size_t>(layout.num_sequences()));
  std::iota(sequences.begin(), sequences.end(), int64_t{0});
  std::ranges::stable_sort(sequences, std::ranges::greater(),
                           [&](int64_t sequence) { return layout.length(sequence); });
  return sequences;
}

// How many of the sequences make up the first of `num_groups` shares. A step costs its rows, and
// about as much as kRowsPerStep of them for reading the weight.
size_t first_share(const RaggedLayout& layout, std::span<const int64_t> sequences,
                   int64_t num_groups) {
  constexpr int64_t kRowsPerStep = 2;
  int64_t tokens = 0;
  for (const int64_t sequence : sequences) tokens += layout.length(sequence);
  int64_t cost = kRowsPerStep * layout.length(sequences[0]);
  const int64_t share = (tokens + cost) / num_groups;
  size_t count = 0;
  while (count < sequences.size() && (count == 0 || cost < share)) {
    cost += layout.length(sequences[count++]);
  }
  return num_groups == 1 ? sequences.size() : count;
}

StepOrder make_order(const RaggedLayout& layout, std::span<const int64_t> sequences, bool backward,
                     int64_t direction) {
  StepOrder order;
  order.direction = direction;
  order.sequences.assign(sequences.begin(), sequences.end());
  const int64_t num_steps = layout.length(sequences[0]);
  for (int64_t s = 0; s < num_steps; ++s) {
    for (const int64_t sequence : sequences) {
      const int64_t length = layout.length(sequence);
      if (length <= s) break;
      order.tokens.push_back(layout.offset(sequence) + (backward ? length - 1 - s : s));
    }
    order.ends.push_back(std::ssize(order.tokens));
  }
  return order;
}

}  // namespace

std::vector<StepOrder> order_steps(const RaggedLayout& layout, Direction direction,
                                   int64_t num_threads) {
  std::vector<StepOrder> orders;
  const std::vector<int64_t> sorted = longest_first(layout);
  const int64_t directions = direction == Direction::bidirectional ? 2 : 1;
  std::span<const int64_t> left = sorted;
  for (int64_t groups = std::max<int64_t>(1, num_threads / directions); !left.empty(); --groups) {
    const size_t count = first_share(layout, left, groups);
    for (int64_t d = 0; d < directions; ++d) {
      const bool backward = direction == Direction::backward || d == 1;
      orders.push_back(make_order(layout, left.first(count), backward, d));
    }
    left = left.subspan(count);
  }
  return orders;
}

}  // namespace nopad::ops
