#include "kernels/gemm.h"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/gemm.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

// A slice of a panel, kMaxDepth x kPanelWidth (24 KB with AVX2, 48 KB with AVX-512), is read by every
// tile of a block of rows in turn, from L1 or L2; the block, kBlockRows x kMaxDepth, stays in L2 while
// all panels pass by. Shallower slices were no faster and write c more often.
constexpr int64_t kMaxDepth = 384;
constexpr int64_t kBlockRows = 96;
constexpr int64_t kDepthStride = kMaxDepth + 16;

void pack(const float* w, int64_t n, int64_t k, Range panels, float* packed) noexcept {
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t first = panel * kPanelWidth;
    pack_panel(w + first * k, k, std::min(kPanelWidth, n - first), k, packed + first * k);
  }
}

void pack_transposed(const float* w, int64_t n, int64_t k, Range panels, float* packed) noexcept {
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t first = panel * kPanelWidth;
    const int64_t count = std::min(kPanelWidth, n - first);
    float* out = packed + first * k;
    for (int64_t i = 0; i < k; ++i, out += kPanelWidth) {
      std::fill(std::copy_n(w + i * n + first, count, out), out + kPanelWidth, 0.0f);
    }
  }
}

using TileFunction = void (*)(const float* a, const float* panel, int64_t k, float* c,
                              int64_t stride, bool is_first);

template <int kRows>
struct MultiplyTile {
  static HWY_NOINLINE void call(const float* a, const float* panel, int64_t k, float* c,
                                int64_t stride, bool is_first) {
    Tile<kRows> tile;
    if (is_first) {
      tile.clear();
    } else {
      tile.load(c, stride);
    }
    tile.template multiply_add<kDepthStride, 1>(a, panel, k);
    tile.store(c, stride);
  }
};
constexpr auto kMultiplyTile =
    make_tile_table<MultiplyTile, TileFunction>(std::make_integer_sequence<int, kTileRows>{});

// c = activation(c + bias) + residual over rows x columns, in lines of L1 that a tile just wrote.
template <Activation kActivation>
void finish_rows(const GemmF32Problem& p, float* c, int64_t stride, int64_t row, int64_t rows,
                 int64_t column, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* const residual =
        p.residual == nullptr ? nullptr : p.residual + (row + r) * p.residual_stride + column;
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int64_t count = columns - j;
      float* const at = c + r * stride + j;
      FloatVec x = load(at, count);
      if (p.bias != nullptr) x = hn::Add(x, load(p.bias + column + j, count));
      x = activate<kActivation>(x);
      if (residual != nullptr) x = hn::Add(x, load(residual + j, count));
      store(x, at, count);
    }
  }
}

void finish(const GemmF32Problem& p, float* c, int64_t stride, int64_t row, int64_t rows,
            int64_t column, int64_t columns) {
  if (p.bias == nullptr && p.residual == nullptr && p.activation == Activation::none) return;
  with_activation(p.activation, [&](auto activation) {
    finish_rows<activation.value>(p, c, stride, row, rows, column, columns);
  });
}

void copy_rows(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t rows,
               int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(from + r * from_stride, columns, to + r * to_stride);
  }
}

// One tile of c against one slice of a panel. A panel that reaches beyond N works on a copy of its
// columns, so that the inner loop knows nothing of it.
void multiply_tile(const GemmF32Problem& p, const float* a, int64_t row, int64_t rows,
                   int64_t panel, int64_t depth_begin, int64_t depth) {
  const int64_t column = panel * kPanelWidth;
  const int64_t columns = std::min(kPanelWidth, p.n - column);
  const float* const slice = p.packed + column * p.k + depth_begin * kPanelWidth;
  const bool is_first = depth_begin == 0;
  const bool is_last = depth_begin + depth == p.k;
  float* const c = p.c + row * p.c_stride + column;
  const auto run = kMultiplyTile[static_cast<size_t>(rows - 1)];
  if (columns == kPanelWidth) {
    run(a, slice, depth, c, p.c_stride, is_first);
  } else {
    alignas(64) float copy[kTileRows * kPanelWidth] = {};
    if (!is_first) copy_rows(c, p.c_stride, copy, kPanelWidth, rows, columns);
    run(a, slice, depth, copy, kPanelWidth, is_first);
    copy_rows(copy, kPanelWidth, c, p.c_stride, rows, columns);
  }
  if (is_last) finish(p, c, p.c_stride, row, rows, column, columns);
}

// The rows x depth of a that begin at (row, depth_begin), kDepthStride apart.
void copy_block(const GemmF32Problem& p, int64_t row, int64_t rows, int64_t depth_begin,
                int64_t depth, float* block) {
  if (p.a_is_transposed) {
    transpose<kDepthStride>(p.a + depth_begin * p.a_stride + row, p.a_stride, depth, rows, block);
  } else {
    copy_rows_scaled<kDepthStride>(p.a + row * p.a_stride + depth_begin, p.a_stride, rows, depth,
                                   1.0f, block);
  }
}

void multiply_block(const GemmF32Problem& p, int64_t row_begin, int64_t rows, Range panels) {
  alignas(64) float block[kBlockRows * kDepthStride];
  const int64_t num_slices = std::max<int64_t>(1, (p.k + kMaxDepth - 1) / kMaxDepth);
  for (int64_t slice = 0; slice < num_slices; ++slice) {
    const int64_t begin = p.k * slice / num_slices;
    const int64_t depth = p.k * (slice + 1) / num_slices - begin;
    copy_block(p, row_begin, rows, begin, depth, block);
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      for (int64_t t = 0; t < num_tiles(rows); ++t) {
        const int64_t row = tile_begin(rows, t);
        multiply_tile(p, block + row * kDepthStride, row_begin + row, tile_begin(rows, t + 1) - row,
                      panel, begin, depth);
      }
    }
  }
}

void multiply(const GemmF32Problem& problem, Range rows, Range panels) noexcept {
  for (int64_t row = rows.begin; row < rows.end; row += kBlockRows) {
    multiply_block(problem, row, std::min(kBlockRows, rows.end - row), panels);
  }
}

}  // namespace

extern const GemmF32 kGemmF32;
const GemmF32 kGemmF32 = {kPanelWidth, kBlockRows, pack, pack_transposed, multiply};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

const GemmF32& gemm_f32(Isa isa) noexcept { return NOPAD_SELECT(isa, kGemmF32); }

}  // namespace nopad::kernels
#endif
