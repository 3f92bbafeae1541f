// Convolution: what all loops of a convolution need to know.
#pragma once

#include <cstdint>

#include "ops/window_walk.h"

namespace nopad::ops {

struct Convolution {
  Windows windows;
  int64_t channels;  // C
  int64_t outputs;   // O
  int64_t groups;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_outputs() const { return outputs / groups; }
  int64_t taps() const { return windows.config.size; }
  int64_t row() const { return taps() * group_channels(); }  // one window, written out
  // Each channel has a kernel of its own, and nothing is summed over channels.
  bool is_depthwise() const { return groups > 1 && groups == channels && groups == outputs; }
};

// Calls f(window, tap, token) for the taps of windows [begin, end) that lie on real tokens.
template <class F>
void for_each_tap(const Convolution& conv, int64_t begin, int64_t end, F&& f) {
  const WindowConfig& config = conv.windows.config;
  conv.windows.for_each(begin, end, [&](const Window& window) {
    const int64_t last = window.last_tap(config);
    for (int64_t tap = window.first_tap(config.dilation); tap < last; ++tap) {
      f(window.index, tap, window.first + tap * config.dilation);
    }
  });
}

}  // namespace nopad::ops
