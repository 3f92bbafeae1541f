#include "nopad/ops/tokens.h"

#include <algorithm>
#include <utility>

#include "nopad/core/error.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/select.h"

namespace nopad::ops {
namespace {

Tensor rows_at(const Tensor& x, const std::vector<int64_t>& indices) {
  return gather_rows(x, Tensor::from_values<int64_t>(indices, {std::ssize(indices)}));
}

// Calls f(sequence, token, column) for each token.
template <class F>
void for_each_token(const RaggedLayout& layout, F f) {
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    for (int64_t i = 0; i < layout.length(b); ++i) f(b, layout.offset(b) + i, layout.column(b, i));
  }
}

// Which cells of a padded batch hold tokens, to be marked one by one.
class Cells {
 public:
  Cells(int64_t num_sequences, int64_t width)
      : width_(width), keep_(Tensor::zeros({num_sequences, width}, DType::boolean)) {}
  void mark(int64_t sequence, int64_t column) {
    keep_.mutable_values<bool>()[static_cast<size_t>(sequence * width_ + column)] = true;
  }
  RaggedLayout layout() const { return RaggedLayout::from_keep(keep_); }

 private:
  int64_t width_;
  Tensor keep_;
};

}  // namespace

RaggedTensor concat_features(std::span<const RaggedTensor> tensors) {
  if (tensors.empty()) {
    fail<OptionError>("concat_features: tensors: expected one or more, got none");
  }
  std::vector<Tensor> values;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const RaggedTensor& tensor = tensors[i];
    expect_layout(tensor.layout(), tensors.front().layout(),
                  nopad::concat("concat_features: tensor ", i), "the first");
    if (tensor.values().rank() < 2) {
      fail<ShapeError>("concat_features: tensor ", i, ": expected [T, ..., D], got ",
                       tensor.values().shape());
    }
    values.push_back(tensor.values());
  }
  return tensors.front().with_values(ops::concat(values, -1));
}

RaggedTensor concat_features(std::initializer_list<RaggedTensor> tensors) {
  return concat_features(std::span(tensors.begin(), tensors.size()));
}

RaggedTensor concat_tokens(const RaggedTensor& a, const RaggedTensor& b) {
  const RaggedLayout& first = a.layout();
  const RaggedLayout& second = b.layout();
  if (first.num_sequences() != second.num_sequences()) {
    fail<LayoutError>("concat_tokens: b: expected as many sequences as a has, ", first, ", got ",
                      second);
  }
  // Where each token comes to stand, and where those that end up there are now.
  std::vector<int64_t> indices(static_cast<size_t>(first.num_tokens() + second.num_tokens()));
  Cells cells(first.num_sequences(), first.padded_width() + second.padded_width());
  for_each_token(first, [&](int64_t sequence, int64_t token, int64_t column) {
    indices[static_cast<size_t>(token + second.offset(sequence))] = token;
    cells.mark(sequence, column);
  });
  for_each_token(second, [&](int64_t sequence, int64_t token, int64_t column) {
    indices[static_cast<size_t>(token + first.offset(sequence + 1))] = first.num_tokens() + token;
    cells.mark(sequence, first.padded_width() + column);
  });
  return {rows_at(ops::concat({a.values(), b.values()}, 0), indices), cells.layout()};
}

RaggedTensor slice_columns(const RaggedTensor& x, int64_t begin, int64_t end) {
  const int64_t width = x.layout().padded_width();
  if (begin < 0 || begin > end || end > width) {
    fail<ShapeError>("slice_columns: columns: expected a part of the padded width ", width,
                     ", got [", begin, ", ", end, ")");
  }
  std::vector<int64_t> indices;
  Cells cells(x.layout().num_sequences(), end - begin);
  for_each_token(x.layout(), [&](int64_t sequence, int64_t token, int64_t column) {
    if (column < begin || column >= end) return;
    indices.push_back(token);
    cells.mark(sequence, column - begin);
  });
  return {rows_at(x.values(), indices), cells.layout()};
}

std::vector<RaggedTensor> split_columns(const RaggedTensor& x, int64_t num_parts) {
  const int64_t width = x.layout().padded_width();
  if (num_parts < 1 || width % num_parts != 0) {
    fail<ShapeError>("split_columns: num_parts: expected a divisor of the padded width ", width,
                     ", got ", num_parts);
  }
  const int64_t part = width / num_parts;
  std::vector<RaggedTensor> out;
  for (int64_t i = 0; i < num_parts; ++i) {
    out.push_back(slice_columns(x, i * part, (i + 1) * part));
  }
  return out;
}

RaggedTensor drop_tokens(const RaggedTensor& x, const TokenMask& keep) {
  keep.expect_layout(x.layout(), "drop_tokens", "x");
  std::vector<int64_t> indices;
  // The mask's layout may have other columns than x's.
  Cells cells(x.layout().num_sequences(), x.layout().padded_width());
  for_each_token(x.layout(), [&](int64_t sequence, int64_t token, int64_t column) {
    if (!keep.keep()[static_cast<size_t>(token)]) return;
    indices.push_back(token);
    cells.mark(sequence, column);
  });
  return {rows_at(x.values(), indices), cells.layout()};
}

RaggedTensor reverse_tokens(const RaggedTensor& x) {
  std::vector<int64_t> indices;
  for (int64_t b = 0; b < x.layout().num_sequences(); ++b) {
    for (int64_t token = x.layout().offset(b + 1); token-- > x.layout().offset(b);) {
      indices.push_back(token);
    }
  }
  return x.with_values(rows_at(x.values(), indices));
}

RaggedTensor expand_to_tokens(const Tensor& per_sequence, const RaggedLayout& layout) {
  if (per_sequence.rank() == 0 || per_sequence.dim(0) != layout.num_sequences()) {
    fail<ShapeError>("expand_to_tokens: per_sequence: expected a row for each of ",
                     layout.num_sequences(), " sequences, got ", per_sequence.shape());
  }
  std::vector<int64_t> indices;
  for (int64_t b = 0; b < layout.num_sequences(); ++b) {
    indices.insert(indices.end(), static_cast<size_t>(layout.length(b)), b);
  }
  return {rows_at(per_sequence, indices), layout};
}

}  // namespace nopad::ops
