#include "nopad/ops/windows.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "nopad/core/error.h"

namespace nopad::ops {
namespace {

// Products and sums of what is within it stay far from int64's end.
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

void expect_positive(std::string_view op, const char* name, int64_t value) {
  if (value < 1 || value > kMost) {
    fail<OptionError>(op, ": ", name, ": expected 1 to ", kMost, ", got ", value);
  }
}

}  // namespace

WindowPadding WindowPadding::sides(int64_t left, int64_t right) {
  if (left < 0 || right < 0 || left > kMost || right > kMost) {
    fail<OptionError>("WindowPadding: sides: expected 0 to ", kMost, " each, got ", left, " and ",
                      right);
  }
  return {Kind::sides, left, right};
}

int64_t WindowConfig::left(int64_t length) const {
  switch (padding.kind_) {
    case WindowPadding::Kind::sides: return padding.left_;
    case WindowPadding::Kind::causal: return reach() - 1;
    case WindowPadding::Kind::same:
      return std::max<int64_t>(0, (num_windows(length) - 1) * stride + reach() - length) / 2;
  }
  return 0;
}

int64_t WindowConfig::num_windows(int64_t length) const {
  if (length == 0) return 0;
  if (padding.kind_ != WindowPadding::Kind::sides) return (length + stride - 1) / stride;
  const int64_t padded = length + padding.left_ + padding.right_;
  return padded < reach() ? 0 : (padded - reach()) / stride + 1;
}

RaggedLayout window_layout(const RaggedLayout& layout, const WindowConfig& config,
                           std::string_view op) {
  expect_positive(op, "window", config.size);
  expect_positive(op, "stride", config.stride);
  expect_positive(op, "dilation", config.dilation);
  std::vector<int64_t> lengths;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    lengths.push_back(config.num_windows(layout.length(b)));
  }
  const RaggedLayout windows = RaggedLayout::from_lengths(lengths);
  return windows == layout ? layout : windows;
}

}  // namespace nopad::ops
