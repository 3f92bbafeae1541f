#include "nopad/ragged/token_mask.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "nopad/core/error.h"

namespace nopad {
namespace {

void expect_keep(const Tensor& keep, const Shape& expected) {
  if (keep.dtype() != DType::boolean) {
    fail<DTypeError>("TokenMask: keep: expected bool, got ", keep.dtype());
  }
  if (keep.shape() != expected) {
    fail<ShapeError>("TokenMask: keep: expected ", expected, ", got ", keep.shape());
  }
}

template <class Op>
Tensor combine(const TokenMask& a, const TokenMask& b, std::string_view name, Op op) {
  b.expect_layout(a.layout(), name, "the first mask");
  Tensor out = Tensor::empty({a.layout().num_tokens()}, DType::boolean);
  std::ranges::transform(a.keep(), b.keep(), out.mutable_values<bool>().begin(), op);
  return out;
}

}  // namespace

TokenMask TokenMask::none(const RaggedLayout& layout) {
  return {layout, Tensor::zeros({layout.num_tokens()}, DType::boolean)};
}

TokenMask TokenMask::all(const RaggedLayout& layout) { return ~none(layout); }

TokenMask TokenMask::from_tensor(const RaggedLayout& layout, const Tensor& keep) {
  expect_keep(keep, {layout.num_tokens()});
  return {layout, keep.to(DType::boolean)};
}

TokenMask TokenMask::from_dense(const RaggedLayout& layout, const Tensor& keep) {
  expect_keep(keep, {layout.num_sequences(), layout.padded_width()});
  const auto dense = keep.values<bool>();
  TokenMask out = none(layout);
  const auto kept = out.keep_.mutable_values<bool>();
  size_t token = 0;
  size_t cell = 0;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    int64_t index = 0;
    for (int64_t column = 0; column < layout.padded_width(); ++column, ++cell) {
      const bool exists = index < layout.length(b) && layout.column(b, index) == column;
      if (exists) {
        kept[token++] = dense[cell];
        ++index;
      } else if (dense[cell]) {
        fail<LayoutError>("TokenMask: keep: expected only tokens of ", layout, ", got padding at [",
                          b, ", ", column, "]");
      }
    }
  }
  return out;
}

int64_t TokenMask::num_kept() const { return std::ranges::count(keep(), true); }

int64_t TokenMask::num_kept(int64_t sequence) const {
  const auto begin = static_cast<size_t>(layout_.offset(sequence));
  const auto length = static_cast<size_t>(layout_.length(sequence));
  return std::ranges::count(keep().subspan(begin, length), true);
}

Tensor TokenMask::to_dense() const {
  Tensor out = Tensor::zeros({layout_.num_sequences(), layout_.padded_width()}, DType::boolean);
  const auto dense = out.mutable_values<bool>();
  const auto kept = keep();
  size_t token = 0;
  for (int64_t b = 0; b < layout_.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout_.length(b); ++i) {
      dense[static_cast<size_t>(b * layout_.padded_width() + layout_.column(b, i))] = kept[token++];
    }
  }
  return out;
}

TokenMask operator&(const TokenMask& a, const TokenMask& b) {
  return {a.layout_, combine(a, b, "operator&", std::logical_and<>())};
}

TokenMask operator|(const TokenMask& a, const TokenMask& b) {
  return {a.layout_, combine(a, b, "operator|", std::logical_or<>())};
}

TokenMask TokenMask::operator~() const {
  Tensor out = Tensor::empty(keep_.shape(), DType::boolean);
  std::ranges::transform(keep(), out.mutable_values<bool>().begin(), std::logical_not<>());
  return {layout_, out};
}

void TokenMask::expect_layout(const RaggedLayout& layout, std::string_view op,
                              std::string_view owner) const {
  nopad::expect_layout(layout_, layout, concat(op, ": keep"), owner);
}

}  // namespace nopad
