// The walk over windows: which tokens each of them sees.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nopad/ops/windows.h"

namespace nopad::ops {

// One position of a window, its tokens counted in the whole batch.
struct Window {
  int64_t index;       // among all windows
  int64_t first;       // the token under its first tap, maybe before the sequence
  int64_t begin, end;  // the sequence's tokens

  // The taps [first_tap, last_tap) that lie on real tokens.
  int64_t first_tap(int64_t dilation) const {
    return first >= begin ? 0 : (begin - first + dilation - 1) / dilation;
  }
  int64_t last_tap(const WindowConfig& config) const {
    if (first >= end) return 0;
    return std::min(config.size, (end - first + config.dilation - 1) / config.dilation);
  }
};

// The tokens, their windows, and how one comes from the other.
struct Windows {
  RaggedLayout tokens;
  RaggedLayout windows;
  WindowConfig config;

  // Calls f(Window) for the windows [from, to) of all sequences, in order.
  template <class F>
  void for_each(int64_t from, int64_t to, F&& f) const {
    const auto offsets = windows.offsets();
    int64_t b = std::ranges::upper_bound(offsets, from) - offsets.begin() - 1;
    for (int64_t index = from; index < to; ++b) {
      const int64_t begin = tokens.offset(b);
      const int64_t start = begin - config.left(tokens.length(b));
      for (; index < std::min(to, windows.offset(b + 1)); ++index) {
        const int64_t first = start + (index - windows.offset(b)) * config.stride;
        f(Window{index, first, begin, tokens.offset(b + 1)});
      }
    }
  }
};

}  // namespace nopad::ops
