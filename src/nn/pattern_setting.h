// An attention pattern as a setting of a layer: a band, which goes with any tokens.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "nopad/core/error.h"
#include "nopad/nn/config.h"
#include "nopad/ragged/attention_pattern.h"

namespace nopad::nn {

// Throws OptionError: the pattern was made for certain tokens.
inline void expect_band(std::string_view who, const AttentionPattern& pattern) {
  if (pattern.is_band()) return;
  fail<OptionError>(who,
                    ": pattern: expected full, causal or a window as a setting, got a pattern for "
                    "certain tokens; give it to the call");
}

// Written as how far a token sees to its left and right, -1 being all the way.
inline void visit_pattern(ConfigVisitor& visitor, AttentionPattern& pattern) {
  constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  const auto side = [&](std::string_view name, int64_t reach) {
    if (reach == kAll) reach = -1;
    visitor.field(name, reach);
    return reach == -1 ? kAll : reach;
  };
  const int64_t left = side("attends_left", pattern.left());
  const int64_t right = side("attends_right", pattern.right());
  pattern = AttentionPattern::window(left, right);
}

}  // namespace nopad::nn
