// The one inner loop of all f32 products: a tile of sums in registers, for inclusion per target.
#if defined(NOPAD_KERNELS_SIMD_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NOPAD_KERNELS_SIMD_TILE_INL_H_
#undef NOPAD_KERNELS_SIMD_TILE_INL_H_
#else
#define NOPAD_KERNELS_SIMD_TILE_INL_H_
#endif

#include <array>
#include <cstdint>
#include <utility>

#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {

// Accumulators of a full tile, two panel vectors and one broadcast fill 16 registers at 6 rows, and
// 27 of AVX-512's 32 at 12.
inline constexpr int kTileRows = HWY_TARGET == HWY_AVX3 ? 12 : 6;
inline constexpr int64_t kPanelWidth = 2 * kLanes;

template <int kRows>
struct Tile {
  FloatVec sum[kRows][2];

  HWY_INLINE void clear() {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = hn::Zero(kFloat);
  }
  HWY_INLINE void load(const float* c, int64_t stride) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      sum[r][0] = hn::LoadU(kFloat, c + r * stride);
      sum[r][1] = hn::LoadU(kFloat, c + r * stride + kLanes);
    }
  }
  HWY_INLINE void store(float* c, int64_t stride) const {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      hn::StoreU(sum[r][0], kFloat, c + r * stride);
      hn::StoreU(sum[r][1], kFloat, c + r * stride + kLanes);
    }
  }
  // sum += a b over k steps. Row r of a begins at a + r * kRowStep; a step moves on by kStep.
  // panel : [k, kPanelWidth], aligned
  template <int64_t kRowStep, int64_t kStep>
  HWY_INLINE void multiply_add(const float* HWY_RESTRICT a, const float* HWY_RESTRICT panel,
                               int64_t k) {
    for (int64_t i = 0; i < k; ++i) {
      const FloatVec b0 = hn::Load(kFloat, panel);
      const FloatVec b1 = hn::Load(kFloat, panel + kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const FloatVec x = hn::Set(kFloat, a[r * kRowStep]);
        sum[r][0] = hn::MulAdd(x, b0, sum[r][0]);
        sum[r][1] = hn::MulAdd(x, b1, sum[r][1]);
      }
      a += kStep;
      panel += kPanelWidth;
    }
  }
};

// The entry of a table of functions, one per row count: kTable[rows - 1] for 1 to kTileRows rows.
template <template <int> class Function, class Pointer, int... kIndex>
constexpr auto make_tile_table(std::integer_sequence<int, kIndex...>) {
  return std::array<Pointer, sizeof...(kIndex)>{&Function<kIndex + 1>::call...};
}

// Rows are dealt out evenly: 13 rows are tiles of 7 and 6, not of 12 and 1.
HWY_INLINE int64_t num_tiles(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }
HWY_INLINE int64_t tile_begin(int64_t rows, int64_t tile) { return rows * tile / num_tiles(rows); }

// Copies rows x columns, times `scale`, to rows that lie kToStride apart: a stride known to the
// compiler lets a tile reach all its rows from one pointer, and one that is no power of two keeps
// them in different sets of L1.
template <int64_t kToStride>
HWY_INLINE void copy_rows_scaled(const float* HWY_RESTRICT from, int64_t from_stride, int64_t rows,
                                 int64_t columns, float scale, float* HWY_RESTRICT to) {
  const FloatVec factor = constant(scale);
  for (int64_t r = 0; r < rows; ++r, from += from_stride, to += kToStride) {
    int64_t i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      hn::StoreU(hn::Mul(hn::LoadU(kFloat, from + i), factor), kFloat, to + i);
    }
    for (; i < columns; ++i) to[i] = from[i] * scale;
  }
}

// Four rows of four become four columns of four.
HWY_INLINE void transpose_4x4(const float* HWY_RESTRICT from, int64_t from_stride,
                              float* HWY_RESTRICT to, int64_t to_stride) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t i = 0; i < 16; ++i)
    to[i % 4 * to_stride + i / 4] = from[i / 4 * from_stride + i % 4];
#else
  const hn::FixedTag<float, 4> four;
  const hn::Repartition<double, decltype(four)> pair;
  const auto r0 = hn::LoadU(four, from), r1 = hn::LoadU(four, from + from_stride);
  const auto r2 = hn::LoadU(four, from + 2 * from_stride),
             r3 = hn::LoadU(four, from + 3 * from_stride);
  const auto low01 = hn::BitCast(pair, hn::InterleaveLower(four, r0, r1));
  const auto high01 = hn::BitCast(pair, hn::InterleaveUpper(four, r0, r1));
  const auto low23 = hn::BitCast(pair, hn::InterleaveLower(four, r2, r3));
  const auto high23 = hn::BitCast(pair, hn::InterleaveUpper(four, r2, r3));
  hn::StoreU(hn::BitCast(four, hn::InterleaveLower(pair, low01, low23)), four, to);
  hn::StoreU(hn::BitCast(four, hn::InterleaveUpper(pair, low01, low23)), four, to + to_stride);
  hn::StoreU(hn::BitCast(four, hn::InterleaveLower(pair, high01, high23)), four,
             to + 2 * to_stride);
  hn::StoreU(hn::BitCast(four, hn::InterleaveUpper(pair, high01, high23)), four,
             to + 3 * to_stride);
#endif
}

// Rows x columns become columns x rows, which lie kToStride apart.
template <int64_t kToStride>
HWY_INLINE void transpose(const float* HWY_RESTRICT from, int64_t from_stride, int64_t rows,
                          int64_t columns, float* HWY_RESTRICT to) {
  const int64_t full = rows / 4 * 4;
  const int64_t full_columns = columns / 4 * 4;
  for (int64_t i = 0; i < full; i += 4) {
    for (int64_t j = 0; j < full_columns; j += 4) {
      transpose_4x4(from + i * from_stride + j, from_stride, to + j * kToStride + i, kToStride);
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = j < full_columns ? full : 0; i < rows; ++i) {
      to[j * kToStride + i] = from[i * from_stride + j];
    }
  }
}

// One panel: up to kPanelWidth rows of k values, rows `stride` apart, become [k, kPanelWidth], with
// zeros where there are no more rows.
HWY_INLINE void pack_panel(const float* HWY_RESTRICT rows, int64_t stride, int64_t count, int64_t k,
                           float* HWY_RESTRICT panel) {
  const int64_t full = count / 4 * 4;
  const int64_t full_k = k / 4 * 4;
  for (int64_t j = 0; j < full; j += 4) {
    for (int64_t i = 0; i < full_k; i += 4) {
      transpose_4x4(rows + j * stride + i, stride, panel + i * kPanelWidth + j, kPanelWidth);
    }
  }
  for (int64_t i = 0; i < k; ++i) {
    float* const out = panel + i * kPanelWidth;
    for (int64_t j = i < full_k ? full : 0; j < count; ++j) out[j] = rows[j * stride + i];
    for (int64_t j = count; j < kPanelWidth; ++j) out[j] = 0.0f;
  }
}

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NOPAD_KERNELS_SIMD_TILE_INL_H_
