#include <algorithm>

#include "kernels/gemm_bf16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/amx/gemm.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/amx/block-inl.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

// A pair of tiles of rows stays in L1 while a group of panels passes by, and the group stays in L2
// while all rows of the block pass by.
constexpr int64_t kBlockRows = 256;
constexpr int64_t kPairRows = 2 * amx::kTileRows;
constexpr int64_t kSliceSteps = 24;  // 32 rows x 24 steps x 64 bytes = 48 KB
constexpr int64_t kGroupBytes = 800 * 1024;
constexpr int64_t kGroupPanels = 16;
constexpr int64_t kPanelSums = kPairRows * kPanelColumns;

int64_t packed_elements(int64_t n, int64_t k) noexcept {
  return round_up(n, kPanelColumns) * round_up(k, kTileDepth);
}

void pack(const float* w, int64_t n, int64_t k, Range panels, BFloat16* packed) noexcept {
  const int64_t steps = num_steps(k);
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    for (int64_t depth = 0; depth < steps * kTileDepth; depth += kTileDepth) {
      const int64_t depth_end = std::min(depth + kTileDepth, k);
      for (int64_t column = panel * kPanelColumns; column < (panel + 1) * kPanelColumns; ++column) {
        BFloat16* const out = packed + packed_index(depth, column, steps);
        const int64_t end = column < n ? depth_end : depth;
        for (int64_t i = depth; i < end; ++i) {
          out[packed_index(i - depth, 0, 1)] = BFloat16(w[column * k + i]);
        }
        for (int64_t i = end; i < depth + kTileDepth; ++i) {
          out[packed_index(i - depth, 0, 1)] = BFloat16(0.0f);
        }
      }
    }
  }
}

// A slice of the depth of a pair of tiles. What K leaves beyond its last whole step is a slice of
// its own, on a copy that ends in zeros, so that the inner loop reads nothing beyond K.
struct Slice {
  const BFloat16* left;
  int64_t left_stride;
  int64_t first_step, steps;
  bool is_last;
};

// c = activation(sums + bias) + residual, over one row of one panel.
template <Activation kActivation, class Out>
void finish_row(const GemmBf16Problem& p, const float* sums, int64_t row, int64_t panel, Out* c) {
  const int64_t column = panel * kPanelColumns;
  const int64_t columns = std::min(kPanelColumns, p.n - column);
  for (int64_t j = 0; j < columns; j += kLanes) {
    FloatVec x = hn::Load(kFloat, sums + j);
    if (p.bias != nullptr) x = hn::Add(x, load(p.bias + column + j, columns - j));
    x = activate<kActivation>(x);
    if (p.residual != nullptr) {
      x = hn::Add(x, load(p.residual + row * p.residual_stride + column + j, columns - j));
    }
    store(x, c + row * p.c_stride + column + j, columns - j);
  }
}

template <Activation kActivation>
void finish_row_as_wanted(const GemmBf16Problem& p, const float* sums, int64_t row, int64_t panel) {
  if (p.c != nullptr) {
    finish_row<kActivation>(p, sums, row, panel, p.c);
  } else {
    finish_row<kActivation>(p, sums, row, panel, p.c_f32);
  }
}

using FinishRow = void (*)(const GemmBf16Problem& p, const float* sums, int64_t row, int64_t panel);

FinishRow finish_row_for(Activation activation) {
  FinishRow found = nullptr;
  with_activation(activation, [&](auto a) { found = &finish_row_as_wanted<a.value>; });
  return found;
}

// The sums of a block that wait to be finished, a row or two with each step of the next block's
// product.
class Unfinished {
 public:
  explicit Unfinished(const GemmBf16Problem& problem)
      : problem_(problem), finish_row_(finish_row_for(problem.activation)) {}

  // Takes over [panels, kPanelSums] sums, of rows `row` on.
  void take(const float* sums, int64_t row, int64_t num_rows, int64_t panel, int64_t num_panels) {
    sums_ = sums;
    row_ = row;
    num_rows_ = num_rows;
    panel_ = panel;
    next_ = 0;
    end_ = num_rows * num_panels;
  }
  void finish(int64_t count) {
    for (const int64_t end = std::min(end_, next_ + count); next_ < end; ++next_) {
      const int64_t panel = next_ / num_rows_, row = next_ % num_rows_;
      finish_row_(problem_, sums_ + panel * kPanelSums + row * kPanelColumns, row_ + row,
                  panel_ + panel);
    }
  }
  void finish_all() { finish(end_); }
  int64_t num_left() const { return end_ - next_; }

 private:
  const GemmBf16Problem& problem_;
  const FinishRow finish_row_;
  const float* sums_ = nullptr;
  int64_t row_ = 0, num_rows_ = 1, panel_ = 0, next_ = 0, end_ = 0;
};

// One or two tiles of rows against a group of panels.
template <class Tiles>
class PairProduct {
 public:
  PairProduct(Tiles& tiles, const GemmBf16Problem& problem, Range rows, RowTiles row_tiles)
      : tiles_(tiles),
        problem_(problem),
        rows_(rows),
        row_tiles_(row_tiles),
        unfinished_(problem) {}

  void multiply(int64_t tile, Range panels) {
    num_tiles_ = std::min<int64_t>(2, row_tiles_.count - tile);
    row_ = row_of(tile);
    second_tile_ = row_of(tile + num_tiles_ - 1) - row_;
    const int64_t whole_steps = problem_.k / kTileDepth;
    const int64_t rest = problem_.k % kTileDepth;
    const int64_t num_slices = (whole_steps + kSliceSteps - 1) / kSliceSteps;
    const BFloat16* const a = problem_.a + row_ * problem_.a_stride;
    is_one_slice_ = num_slices + (rest > 0) <= 1;
    for (int64_t slice = 0; slice < num_slices; ++slice) {
      const int64_t first = whole_steps * slice / num_slices;
      const int64_t end = whole_steps * (slice + 1) / num_slices;
      multiply_slice({a + first * kTileDepth, problem_.a_stride, first, end - first,
                      end == whole_steps && rest == 0},
                     panels);
    }
    if (rest > 0 || problem_.k == 0) {
      copy_rest(a + whole_steps * kTileDepth, rest);
      multiply_slice({rest_, kTileDepth, whole_steps, rest > 0, true}, panels);
    }
    unfinished_.finish_all();
  }

 private:
  // The last tile begins early instead of being lower: it computes some rows again, to the same
  // bits.
  int64_t row_of(int64_t tile) const {
    return std::min(rows_.begin + tile * row_tiles_.height, rows_.end - row_tiles_.height);
  }
  int64_t num_rows() const { return second_tile_ + row_tiles_.height; }

  void copy_rest(const BFloat16* a, int64_t rest) {
    for (int64_t row = 0; row < num_rows(); ++row) {
      std::copy_n(a + row * problem_.a_stride, rest, rest_ + row * kTileDepth);
    }
  }

  // Each panel has its own where a later slice goes on with them. Otherwise one place will do, and stays
  // in L1: a block's sums are finished before the next block stores its own.
  float* sums_of(int64_t panel_in_group) {
    return sums_ + (is_one_slice_ ? 0 : panel_in_group) * kPanelSums;
  }

  void multiply_slice(const Slice& slice, Range panels) {
    const int64_t panel_elements = num_steps(problem_.k) * kStepElements;
    const int64_t panels_at_once = num_tiles_ == 2 ? 1 : 2;
    for (int64_t panel = panels.begin; panel < panels.end; panel += panels_at_once) {
      const int64_t num_panels = std::min(panels_at_once, panels.end - panel);
      const BlockProduct product = {
          .left = slice.left,
          .left_stride = slice.left_stride,
          .right = problem_.packed + panel * panel_elements + slice.first_step * kStepElements,
          .panel_elements = panel_elements,
          .steps = slice.steps,
          .second_tile = second_tile_,
          .sums = sums_of(panel - panels.begin),
          .sum_stride = kPanelColumns,
          .sum_panel = kPanelSums,
          .is_first = slice.first_step == 0};
      const int64_t share = unfinished_.num_left() / std::max<int64_t>(1, slice.steps) + 1;
      multiply_block(tiles_, product, num_tiles_, num_panels, [&] { unfinished_.finish(share); });
      unfinished_.finish_all();
      if (slice.is_last) unfinished_.take(product.sums, row_, num_rows(), panel, num_panels);
    }
  }

  Tiles& tiles_;
  const GemmBf16Problem& problem_;
  const Range rows_;
  const RowTiles row_tiles_;
  Unfinished unfinished_;
  int64_t num_tiles_ = 0, row_ = 0, second_tile_ = 0;
  bool is_one_slice_ = true;
  alignas(64) BFloat16 rest_[kPairRows * kTileDepth] = {};  // zeros beyond the rest of K
  alignas(64) float sums_[kGroupPanels * kPanelSums];
};

template <class Tiles>
void multiply(const GemmBf16Problem& problem, Range rows, Range panels) noexcept {
  if (rows.begin >= rows.end) return;
  const RowTiles row_tiles(rows.end - rows.begin);
  Tiles tiles{amx::TileConfig(row_tiles.height)};
  PairProduct<Tiles> product(tiles, problem, rows, row_tiles);
  const int64_t panel_bytes = std::max<int64_t>(1, num_steps(problem.k)) * kStepElements *
                              static_cast<int64_t>(sizeof(BFloat16));
  const int64_t group = std::clamp<int64_t>(kGroupBytes / panel_bytes / 2 * 2, 2, kGroupPanels);
  for (int64_t panel = panels.begin; panel < panels.end; panel += group) {
    for (int64_t tile = 0; tile < row_tiles.count; tile += 2) {
      product.multiply(tile, {panel, std::min(panel + group, panels.end)});
    }
  }
}

}  // namespace

extern const GemmBf16 kGemmBf16Emulated;
const GemmBf16 kGemmBf16Emulated = {kPanelColumns, kBlockRows, packed_elements, pack,
                                    multiply<amx::EmulatedTiles>};
#if HWY_TARGET == HWY_AVX3
extern const GemmBf16 kGemmBf16;
const GemmBf16 kGemmBf16 = {kPanelColumns, kBlockRows, packed_elements, pack,
                            multiply<amx::HardwareTiles>};
#endif

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const GemmBf16& gemm_bf16(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::amx) return N_AVX3::kGemmBf16;
#endif
  return NOPAD_SELECT(isa, kGemmBf16Emulated);
}

}  // namespace nopad::kernels
#endif
