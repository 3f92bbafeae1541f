#include "nopad/ops/windows.h"

#include <gtest/gtest.h>

#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "nopad/core/tensor.h"
#include "ops/window_walk.h"

namespace nopad::ops {
namespace {

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

std::vector<int64_t> lengths_of(const RaggedLayout& layout) {
  const Tensor lengths = layout.lengths();
  return {lengths.values<int64_t>().begin(), lengths.values<int64_t>().end()};
}

TEST(Windows, ValidOnesLieInsideTheSequence) {
  const WindowConfig three{.size = 3};
  EXPECT_EQ(lengths_of(window_layout(layout_of({5, 3, 2, 1, 0}), three, "op")),
            (std::vector<int64_t>{3, 1, 0, 0, 0}));
  const WindowConfig wide{.size = 3, .stride = 2, .dilation = 2};
  EXPECT_EQ(lengths_of(window_layout(layout_of({4, 5, 6, 7}), wide, "op")),
            (std::vector<int64_t>{0, 1, 1, 2}));
}

TEST(Windows, SameAndCausalOnesGiveTheLengthOverTheStride) {
  for (const auto& padding : {WindowPadding::same(), WindowPadding::causal()}) {
    const WindowConfig config{.size = 4, .stride = 2, .padding = padding};
    EXPECT_EQ(lengths_of(window_layout(layout_of({5, 4, 1, 0}), config, "op")),
              (std::vector<int64_t>{3, 2, 1, 0}));
  }
}

TEST(Windows, SidesFollowPyTorchsFormula) {
  const WindowConfig config{
      .size = 3, .stride = 2, .dilation = 2, .padding = WindowPadding::sides(1, 1)};
  for (int64_t length = 1; length < 12; ++length) {
    const int64_t numerator = length + 2 - 2 * 2 - 1;
    EXPECT_EQ(config.num_windows(length), numerator < 0 ? 0 : numerator / 2 + 1) << length;
  }
  EXPECT_EQ(config.num_windows(0), 0);
}

TEST(Windows, SamePaddingPutsTheSmallerHalfOnTheLeft) {
  const auto left = [](int64_t size, int64_t stride, int64_t dilation, int64_t length) {
    return WindowConfig{size, stride, dilation, WindowPadding::same()}.left(length);
  };
  EXPECT_EQ(left(3, 1, 1, 5), 1);
  EXPECT_EQ(left(4, 1, 1, 5), 1);  // 3 in all
  EXPECT_EQ(left(3, 1, 2, 5), 2);
  EXPECT_EQ(left(3, 2, 1, 6), 0);  // 1 in all
  EXPECT_EQ(left(3, 2, 1, 5), 1);
  EXPECT_EQ(left(1, 3, 1, 5), 0);  // windows lie apart
}

TEST(Windows, ACausalWindowEndsAtItsOwnToken) {
  EXPECT_EQ((WindowConfig{.size = 3, .dilation = 2, .padding = WindowPadding::causal()}.left(9)),
            4);
}

TEST(Windows, TheLayoutStaysWhereNoLengthChanges) {
  Tensor keep = Tensor::zeros({1, 3}, DType::boolean);
  keep.mutable_values<bool>()[1] = keep.mutable_values<bool>()[2] = true;
  const auto layout = RaggedLayout::from_keep(keep);
  const RaggedLayout same =
      window_layout(layout, {.size = 3, .padding = WindowPadding::same()}, "op");
  EXPECT_EQ(same.padded_width(), 3);
  EXPECT_EQ(same.column(0, 0), 1);
  EXPECT_EQ(window_layout(layout, {.size = 2}, "op").padded_width(), 1);
}

TEST(Windows, TheWalkFindsEachWindowsTokens) {
  const auto layout = layout_of({0, 3, 0, 2, 0});
  const WindowConfig config{.size = 3, .padding = WindowPadding::same()};
  const Windows windows{layout, window_layout(layout, config, "op"), config};
  std::vector<std::vector<int64_t>> seen;
  windows.for_each(1, 5, [&](const Window& window) {
    seen.push_back({window.index, window.first, window.first_tap(1), window.last_tap(config)});
  });
  EXPECT_EQ(seen, (std::vector<std::vector<int64_t>>{
                      {1, 0, 0, 3}, {2, 1, 0, 2}, {3, 2, 1, 3}, {4, 3, 0, 2}}));
}

TEST(Windows, NumbersOutOfRangeAreRefused) {
  test::expect_error<OptionError>([] { window_layout({}, {.size = 0}, "op"); },
                                  "op: window: expected 1 to 2147483647, got 0");
  test::expect_error<OptionError>([] { window_layout({}, {.stride = -1}, "op"); },
                                  "op: stride: expected 1 to 2147483647, got -1");
  test::expect_error<OptionError>([] { window_layout({}, {.dilation = int64_t{1} << 40}, "op"); },
                                  "op: dilation: expected 1 to 2147483647, got 1099511627776");
  test::expect_error<OptionError>(
      [] { WindowPadding::sides(0, -2); },
      "WindowPadding: sides: expected 0 to 2147483647 each, got 0 and -2");
}

}  // namespace
}  // namespace nopad::ops
