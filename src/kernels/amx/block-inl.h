// The one inner loop of all bf16 products: up to four tiles of sums, for inclusion per target.
#if defined(NOPAD_KERNELS_AMX_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NOPAD_KERNELS_AMX_BLOCK_INL_H_
#undef NOPAD_KERNELS_AMX_BLOCK_INL_H_
#else
#define NOPAD_KERNELS_AMX_BLOCK_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/amx/tile.h"
#include "nopad/core/bfloat16.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
using amx::kLeftTile;
using amx::kRightTile;
using amx::kSumTile;
using amx::kTileColumns;
using amx::kTileDepth;
using amx::kTileRowBytes;

// A packed right operand is panels of 32 columns, [ceil(depth / 32)] steps of two tiles of
// [16 pairs, 16 columns, 2]: what one instruction takes, in the order in which it is taken.
inline constexpr int64_t kPanelColumns = 2 * kTileColumns;
inline constexpr int64_t kTileElements = kTileColumns * kTileDepth;
inline constexpr int64_t kStepElements = 2 * kTileElements;

constexpr int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
constexpr int64_t num_steps(int64_t depth) { return (depth + kTileDepth - 1) / kTileDepth; }

// Where element (depth, column) of a right operand of `steps` steps lies in its pack.
constexpr int64_t packed_index(int64_t depth, int64_t column, int64_t steps) {
  const int64_t step = column / kPanelColumns * steps + depth / kTileDepth;
  const int64_t tile = step * 2 + column % kPanelColumns / kTileColumns;
  const int64_t pair = tile * (kTileDepth / 2) + depth % kTileDepth / 2;
  return (pair * kTileColumns + column % kTileColumns) * 2 + depth % 2;
}

// Rows in tiles of one height, so that the tiles are configured once per call and a tail costs at
// most a few rows.
struct RowTiles {
  explicit RowTiles(int64_t rows)
      : count((rows + amx::kTileRows - 1) / amx::kTileRows), height((rows + count - 1) / count) {}

  int64_t count;
  int64_t height;
};

// Some steps of the products of one or two tiles of rows with one or two panels.
struct BlockProduct {
  const BFloat16* left;    // the first tile's first row
  int64_t left_stride;     // elements from one row to the next
  const BFloat16* right;   // the first panel's first step
  int64_t panel_elements;  // from one panel to the next
  int64_t steps;
  int64_t second_tile;  // rows from the first tile to the second
  float* sums;
  int64_t sum_stride;
  int64_t sum_panel;  // floats from one panel's sums to the next one's
  bool is_first;      // sums begin at zero; otherwise they go on from what is there
};

// kRowTiles x kColumnTiles tiles: 2 x 2 is the shape that loads least for what it multiplies; 1 x 4
// keeps as many sums in flight for the last few rows, 1 x 2 for the last panel. A sum is the same
// chain of operations in each.
template <int kRowTiles, int kColumnTiles, class Tiles>
class Block {
  static_assert(kRowTiles * kColumnTiles <= 4 && kRowTiles <= 2);

 public:
  // `aside` is called once per step: vector work that runs while the tiles multiply.
  template <class Aside>
  static HWY_INLINE void multiply(Tiles& tiles, const BlockProduct& product, Aside&& aside) {
    begin_sums<0>(tiles, product);
    const BFloat16* left = product.left;
    const BFloat16* right = product.right;
    for (int64_t step = 0; step < product.steps; ++step) {
      tiles.template load<kLeftTile>(left, product.left_stride * kElementBytes);
      if constexpr (kRowTiles == 2) {
        tiles.template load<kLeftTile + 1>(left + product.second_tile * product.left_stride,
                                           product.left_stride * kElementBytes);
      }
      add_columns<0>(tiles, right, product.panel_elements);
      left += kTileDepth;
      right += kStepElements;
      aside();
    }
    end_sums<0>(tiles, product);
  }

 private:
  static constexpr int64_t kElementBytes = sizeof(BFloat16);
  static constexpr int64_t kSumBytes = sizeof(float);

  template <int kColumn>
  static HWY_INLINE void add_columns(Tiles& tiles, const BFloat16* right, int64_t panel_elements) {
    if constexpr (kColumn < kColumnTiles) {
      constexpr int kRight = kRightTile + kColumn % 2;
      tiles.template stream<kRight>(
          right + kColumn / 2 * panel_elements + kColumn % 2 * kTileElements, kTileRowBytes);
      tiles.template multiply_add<kSumTile + kColumn, kLeftTile, kRight>();
      if constexpr (kRowTiles == 2) {
        tiles.template multiply_add<kSumTile + kColumnTiles + kColumn, kLeftTile + 1, kRight>();
      }
      add_columns<kColumn + 1>(tiles, right, panel_elements);
    }
  }

  template <int kIndex>
  static HWY_INLINE float* sums_of(const BlockProduct& product) {
    constexpr int kColumn = kIndex % kColumnTiles;
    return product.sums + kIndex / kColumnTiles * product.second_tile * product.sum_stride +
           kColumn / 2 * product.sum_panel + kColumn % 2 * kTileColumns;
  }
  template <int kIndex>
  static HWY_INLINE void begin_sums(Tiles& tiles, const BlockProduct& product) {
    if constexpr (kIndex < kRowTiles * kColumnTiles) {
      if (product.is_first) {
        tiles.template clear<kSumTile + kIndex>();
      } else {
        tiles.template load<kSumTile + kIndex>(sums_of<kIndex>(product),
                                               product.sum_stride * kSumBytes);
      }
      begin_sums<kIndex + 1>(tiles, product);
    }
  }
  template <int kIndex>
  static HWY_INLINE void end_sums(Tiles& tiles, const BlockProduct& product) {
    if constexpr (kIndex < kRowTiles * kColumnTiles) {
      tiles.template store<kSumTile + kIndex>(sums_of<kIndex>(product),
                                              product.sum_stride * kSumBytes);
      end_sums<kIndex + 1>(tiles, product);
    }
  }
};

// Multiplies `row_tiles` (1 or 2) by `panels` (1, or 2 for a single tile of rows).
template <class Tiles, class Aside>
HWY_INLINE void multiply_block(Tiles& tiles, const BlockProduct& product, int64_t row_tiles,
                               int64_t panels, Aside&& aside) {
  if (row_tiles == 2) {
    Block<2, 2, Tiles>::multiply(tiles, product, aside);
  } else if (panels == 2) {
    Block<1, 4, Tiles>::multiply(tiles, product, aside);
  } else {
    Block<1, 2, Tiles>::multiply(tiles, product, aside);
  }
}

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NOPAD_KERNELS_AMX_BLOCK_INL_H_
