// How attention lays out queries, keys and values for the tiles, for inclusion once per target.
#if defined(NOPAD_KERNELS_SIMD_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NOPAD_KERNELS_SIMD_ATTENTION_INL_H_
#undef NOPAD_KERNELS_SIMD_ATTENTION_INL_H_
#else
#define NOPAD_KERNELS_SIMD_ATTENTION_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "hwy/highway.h"
#include "kernels/attention.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Heads are multiplied in slices of this many components; nearly all have one.
inline constexpr int64_t kMaxDepth = 128;
inline constexpr int64_t kDepthStride = kMaxDepth + 16;

inline constexpr int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

HWY_INLINE int64_t num_slices(int64_t head_size) { return (head_size + kMaxDepth - 1) / kMaxDepth; }

// [keys, head_size] -> [keys / width, head_size, width], zeros beyond the last key
HWY_INLINE void pack_keys(const float* k, int64_t stride, int64_t keys, int64_t head_size,
                          float* packed) {
  for (int64_t key = 0; key < keys; key += kPanelWidth) {
    pack_panel(k + key * stride, stride, std::min(kPanelWidth, keys - key), head_size,
               packed + key * head_size);
  }
}

// [rows, head_size] -> [head_size / width, kMaxRows, width], zeros beyond the last column
template <int64_t kMaxRows>
HWY_INLINE void pack_values(const float* v, int64_t stride, int64_t rows, int64_t head_size,
                            float* packed) {
  for (int64_t column = 0; column < head_size; column += kPanelWidth) {
    const int64_t columns = std::min(kPanelWidth, head_size - column);
    float* out = packed + column * kMaxRows;
    for (int64_t row = 0; row < rows; ++row, out += kPanelWidth) {
      const float* const from = v + row * stride + column;
      hn::Store(load(from, columns), kFloat, out);
      hn::Store(columns > kLanes ? load(from + kLanes, columns - kLanes) : hn::Zero(kFloat), kFloat,
                out + kLanes);
    }
  }
}

// row += other over the range.
HWY_INLINE void add(float* HWY_RESTRICT row, const float* HWY_RESTRICT other, Range range) {
  for (int64_t j = range.begin; j < range.end; ++j) row[j] += other[j];
}

// Makes the scores between the first and the last visible key that `keep` hides -inf.
HWY_INLINE void hide_scores(float* HWY_RESTRICT scores, const bool* HWY_RESTRICT keep,
                            Range visible) {
  for (int64_t j = visible.begin; j < visible.end; ++j) {
    scores[j] = keep[j] ? scores[j] : -kInfinity;
  }
}

// row *= factors over the range.
HWY_INLINE void multiply(float* HWY_RESTRICT row, const float* HWY_RESTRICT factors, Range range) {
  for (int64_t j = range.begin; j < range.end; ++j) row[j] *= factors[j];
}

HWY_INLINE bool is_finite_row(const float* row, int64_t count) {
  // 0 times a number is 0, and 0 times anything else is a NaN.
  FloatVec sum = hn::Zero(kFloat);
  for (int64_t i = 0; i < count; i += kLanes) {
    sum = hn::MulAdd(load(row + i, count - i), hn::Zero(kFloat), sum);
  }
  return hn::AllTrue(kFloat, hn::Eq(sum, sum));
}

// Makes what lies in `all` and not in `some` zero.
HWY_INLINE void clear_outside(float* row, Range all, Range some) {
  std::fill(row + all.begin, row + std::max(all.begin, some.begin), 0.0f);
  std::fill(row + std::min(all.end, some.end), row + all.end, 0.0f);
}

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NOPAD_KERNELS_SIMD_ATTENTION_INL_H_
