// The order in which recurrences visit tokens: sequences side by side, fewer and fewer of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nopad/ops/recurrent.h"
#include "nopad/ragged/layout.h"

namespace nopad::ops {

// What one thread walks: some of the sequences in one direction. In step s the first rows belong
// to the sequences of more than s tokens, since the longest come first.
struct StepOrder {
  int64_t direction = 0;           // 0, or 1 for the second of two
  std::vector<int64_t> sequences;  // of the layout, longest first; a row of the states for each
  std::vector<int64_t> tokens;     // of the layout, step after step
  std::vector<int64_t> ends;       // where each step ends among them

  int64_t num_rows() const noexcept { return std::ssize(sequences); }
  int64_t num_steps() const noexcept { return std::ssize(ends); }
  // The tokens of a step, one for each row that still runs.
  std::span<const int64_t> step(int64_t s) const noexcept {
    const auto begin = static_cast<size_t>(s == 0 ? 0 : ends[static_cast<size_t>(s - 1)]);
    return std::span(tokens).subspan(begin,
                                     static_cast<size_t>(ends[static_cast<size_t>(s)]) - begin);
  }
};

// Every sequence once per direction, in about as many orders of about equal cost as there are
// threads.
std::vector<StepOrder> order_steps(const RaggedLayout& layout, Direction direction,
                                   int64_t num_threads);

}  // namespace nopad::ops
