#include "nn/aligned_tokens.h"

#include <algorithm>
#include <array>

#include "nopad/core/error.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/select.h"
#include "nopad/ops/tokens.h"

namespace nopad::nn {
namespace {

constexpr int64_t kNoToken = -1;

std::vector<RaggedLayout> layouts_of(std::span<const Value> inputs) {
  std::vector<RaggedLayout> layouts;
  for (const Value& input : inputs) {
    if (input.is_ragged()) layouts.push_back(input.ragged().layout());
  }
  return layouts;
}

void expect_mergeable(std::string_view who, const MergeConfig& config,
                      std::span<const Value> inputs, size_t num_ragged) {
  if (num_ragged == 0 && config.merge_masks != MergeMasks::same) {
    fail<LayoutError>(who, ": inputs: expected tokens, whose masks are to be merged, got dense ",
                      inputs[0].values().shape(), "; dense values merge with MergeMasks::same");
  }
  if (num_ragged > 0 && num_ragged < inputs.size() && !config.broadcast_dense) {
    const auto dense = std::ranges::find_if_not(inputs, &Value::is_ragged);
    fail<LayoutError>(who, ": input ", dense - inputs.begin(), ": expected tokens, got the dense ",
                      dense->values().shape(),
                      "; give broadcast_dense if each of its rows stands for all tokens of a "
                      "sequence, or take its padding out first");
  }
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Shape &first = inputs[0].values().shape(), &shape = inputs[i].values().shape();
    const bool same_rows = inputs[0].is_ragged() || inputs[i].is_ragged() || shape[0] == first[0];
    if (shape.rank() == first.rank() && same_rows) continue;
    fail<ShapeError>(who, ": input ", i, ": expected the rank and rows of ", first, ", got ",
                     shape);
  }
}

void expect_same_layouts(std::string_view who, std::span<const RaggedLayout> layouts) {
  for (const RaggedLayout& layout : layouts) {
    if (layout == layouts[0]) continue;
    fail<LayoutError>(who, ": inputs: expected the same tokens in each, got ", layouts[0], " and ",
                      layout,
                      "; choose MergeMasks::any to keep a token that either has, or "
                      "MergeMasks::all for those that both have");
  }
}

// The padded batch that all layouts fit into, and which token of each stands in which cell.
struct Grid {
  int64_t num_sequences = 0, width = 0;
  std::vector<std::vector<int64_t>> tokens = {};  // [B * width] for each layout

  Grid(std::string_view who, std::span<const RaggedLayout> layouts)
      : num_sequences(layouts[0].num_sequences()) {
    for (const RaggedLayout& layout : layouts) {
      if (layout.num_sequences() != num_sequences) {
        fail<LayoutError>(who, ": inputs: expected as many sequences in each, got ", layouts[0],
                          " and ", layout);
      }
      width = std::max(width, layout.padded_width());
    }
    for (const RaggedLayout& layout : layouts) tokens.push_back(tokens_by_cell(layout));
  }

  std::vector<int64_t> tokens_by_cell(const RaggedLayout& layout) const {
    std::vector<int64_t> cells(static_cast<size_t>(Shape{num_sequences, width}.num_elements()),
                               kNoToken);
    for (int64_t b = 0; b < num_sequences; ++b) {
      for (int64_t i = 0; i < layout.length(b); ++i) {
        cells[static_cast<size_t>(b * width + layout.column(b, i))] = layout.offset(b) + i;
      }
    }
    return cells;
  }
};

// The cells that hold a token of the merged layout, and how many inputs have it.
struct MergedCells {
  RaggedLayout layout;
  std::vector<size_t> cells = {};
  std::vector<int64_t> num_present = {};
};

MergedCells merge_cells(const Grid& grid, MergeMasks masks) {
  MergedCells merged;
  Tensor keep = Tensor::zeros({grid.num_sequences, grid.width}, DType::boolean);
  const std::span<bool> marks = keep.mutable_values<bool>();
  const int64_t enough = masks == MergeMasks::any ? 1 : std::ssize(grid.tokens);
  for (size_t cell = 0; cell < marks.size(); ++cell) {
    const int64_t present = std::ranges::count_if(
        grid.tokens, [&](const auto& tokens) { return tokens[cell] != kNoToken; });
    if (present < enough) continue;
    marks[cell] = true;
    merged.cells.push_back(cell);
    merged.num_present.push_back(present);
  }
  merged.layout = RaggedLayout::from_keep(keep);
  return merged;
}

// The rows of `values` at the cells, and a row of `absent` where it has none.
Tensor take_cells(const Tensor& values, const std::vector<int64_t>& tokens,
                  const std::vector<size_t>& cells, double absent) {
  std::vector<int64_t> indices;
  for (const size_t cell : cells) {
    indices.push_back(tokens[cell] == kNoToken ? values.dim(0) : tokens[cell]);
  }
  std::vector<int64_t> row(values.shape().dims().begin(), values.shape().dims().end());
  row[0] = 1;
  const Tensor fill = ops::masked_fill(Tensor::zeros(Shape(row), values.dtype()),
                                       Tensor::from_values<bool>(std::array{true}, {1}), absent);
  return ops::gather_rows(ops::concat({values, fill}, 0),
                          Tensor::from_values<int64_t>(indices, {std::ssize(indices)}));
}

}  // namespace

Value AlignedTokens::with(Tensor result) const {
  if (!layout) return result;
  return RaggedTensor(std::move(result), *layout);
}

AlignedTokens align_tokens(std::string_view who, const MergeConfig& config,
                           std::span<const Value> inputs, double absent) {
  const std::vector<RaggedLayout> layouts = layouts_of(inputs);
  expect_mergeable(who, config, inputs, layouts.size());
  AlignedTokens aligned;
  if (layouts.empty()) {
    for (const Value& input : inputs) aligned.values.push_back(input.dense());
    return aligned;
  }
  MergedCells merged{layouts[0]};
  std::optional<Grid> grid;
  if (config.merge_masks == MergeMasks::same) {
    expect_same_layouts(who, layouts);
  } else {
    merged = merge_cells(grid.emplace(who, layouts), config.merge_masks);
  }
  size_t next = 0;
  for (const Value& input : inputs) {
    if (!input.is_ragged()) {
      aligned.values.push_back(ops::expand_to_tokens(input.dense(), merged.layout).values());
      for (int64_t& present : merged.num_present) ++present;
    } else if (grid) {
      aligned.values.push_back(
          take_cells(input.values(), grid->tokens[next++], merged.cells, absent));
    } else {
      aligned.values.push_back(input.values());
    }
  }
  aligned.layout = std::move(merged.layout);
  aligned.num_present = std::move(merged.num_present);
  return aligned;
}

}  // namespace nopad::nn
