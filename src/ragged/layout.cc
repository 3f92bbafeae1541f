#include "nopad/ragged/layout.h"

#include <algorithm>
#include <vector>

#include "nopad/core/error.h"

namespace nopad {

struct RaggedLayout::Content {
  std::vector<int64_t> offsets{0};
  std::vector<int64_t> columns;  // [T], empty where every sequence's columns are 0, 1, 2, ...
  int64_t max_length = 0;
  int64_t padded_width = 0;
};

RaggedLayout::RaggedLayout() {
  static const auto kEmpty = std::make_shared<const Content>();
  content_ = kEmpty;
}

RaggedLayout RaggedLayout::from_lengths(std::span<const int64_t> lengths) {
  std::vector<int64_t> offsets{0};
  offsets.reserve(lengths.size() + 1);
  for (const int64_t length : lengths) {
    int64_t end = 0;
    if (length < 0 || __builtin_add_overflow(offsets.back(), length, &end)) {
      fail<LayoutError>(
          "RaggedLayout: lengths: expected 0 or more each and a total in 63 bits, got ", length,
          " for sequence ", offsets.size() - 1);
    }
    offsets.push_back(end);
  }
  return from_offsets(offsets);
}

RaggedLayout RaggedLayout::from_offsets(std::span<const int64_t> offsets) {
  if (offsets.empty() || offsets.front() != 0) {
    fail<LayoutError>("RaggedLayout: offsets: expected B + 1 of them, beginning with 0");
  }
  auto content = std::make_shared<Content>();
  content->offsets.assign(offsets.begin(), offsets.end());
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    if (offsets[b + 1] < offsets[b]) {
      fail<LayoutError>("RaggedLayout: offsets: expected them never to fall, got ", offsets[b],
                        " then ", offsets[b + 1], " at sequence ", b);
    }
    content->max_length = std::max(content->max_length, offsets[b + 1] - offsets[b]);
  }
  content->padded_width = content->max_length;
  return RaggedLayout(std::move(content));
}

RaggedLayout RaggedLayout::from_keep(const Tensor& keep) {
  if (keep.rank() != 2) {
    fail<ShapeError>("RaggedLayout: keep: expected [B, L], got ", keep.shape());
  }
  const auto kept = keep.values<bool>();
  const int64_t width = keep.dim(1);
  auto content = std::make_shared<Content>();
  content->padded_width = width;
  bool left_aligned = true;
  for (int64_t b = 0; b < keep.dim(0); ++b) {
    const int64_t begin = content->offsets.back();
    for (int64_t column = 0; column < width; ++column) {
      if (!kept[static_cast<size_t>(b * width + column)]) continue;
      left_aligned &= static_cast<int64_t>(content->columns.size()) - begin == column;
      content->columns.push_back(column);
    }
    const auto end = static_cast<int64_t>(content->columns.size());
    content->offsets.push_back(end);
    content->max_length = std::max(content->max_length, end - begin);
  }
  if (left_aligned) content->columns = {};
  return RaggedLayout(std::move(content));
}

int64_t RaggedLayout::num_sequences() const noexcept {
  return static_cast<int64_t>(content_->offsets.size()) - 1;
}
int64_t RaggedLayout::num_tokens() const noexcept { return content_->offsets.back(); }
int64_t RaggedLayout::max_length() const noexcept { return content_->max_length; }
int64_t RaggedLayout::padded_width() const noexcept { return content_->padded_width; }
std::span<const int64_t> RaggedLayout::offsets() const noexcept { return content_->offsets; }

int64_t RaggedLayout::column(int64_t sequence, int64_t index) const noexcept {
  return is_left_aligned() ? index
                           : content_->columns[static_cast<size_t>(offset(sequence) + index)];
}

bool RaggedLayout::is_left_aligned() const noexcept { return content_->columns.empty(); }

Tensor RaggedLayout::lengths() const {
  Tensor out = Tensor::empty({num_sequences()}, DType::i64);
  const auto values = out.mutable_values<int64_t>();
  for (int64_t b = 0; b < num_sequences(); ++b) values[static_cast<size_t>(b)] = length(b);
  return out;
}

Tensor RaggedLayout::keep() const {
  Tensor out = Tensor::zeros({num_sequences(), padded_width()}, DType::boolean);
  const auto values = out.mutable_values<bool>();
  for (int64_t b = 0; b < num_sequences(); ++b) {
    for (int64_t i = 0; i < length(b); ++i) {
      values[static_cast<size_t>(b * padded_width() + column(b, i))] = true;
    }
  }
  return out;
}

bool operator==(const RaggedLayout& a, const RaggedLayout& b) noexcept {
  return a.content_ == b.content_ || a.content_->offsets == b.content_->offsets;
}

std::string to_string(const RaggedLayout& layout) {
  return concat("(B=", layout.num_sequences(), ", T=", layout.num_tokens(), ")");
}

void expect_layout(const RaggedLayout& actual, const RaggedLayout& expected, std::string_view where,
                   std::string_view owner) {
  if (actual == expected) return;
  const std::string message =
      concat(where, ": expected ", owner, "'s layout ", expected, ", got ", actual);
  if (to_string(actual) != to_string(expected)) fail<LayoutError>(message);
  int64_t b = 0;
  while (actual.length(b) == expected.length(b)) ++b;
  fail<LayoutError>(message, " whose sequence ", b, " has ", actual.length(b), " tokens, not ",
                    expected.length(b));
}

}  // namespace nopad
