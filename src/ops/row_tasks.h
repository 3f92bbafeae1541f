// Rows as tasks for the current execution's threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nopad/core/execution.h"

namespace nopad::ops {

// Calls f(begin, end) over [0, num_rows) on all threads, as many rows at a time as are worth handing
// out when each has `width` elements.
template <class F>
void for_row_tasks(int64_t num_rows, int64_t width, F&& f) {
  constexpr int64_t kElementsPerRowTask = 8192;
  const int64_t grain = kElementsPerRowTask / std::max<int64_t>(width, 1);
  current_execution().threads().parallel_for(num_rows, std::max<int64_t>(grain, 1), f);
}

}  // namespace nopad::ops
