#include "kernels/rotary.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/rotary.cc"
#include "kernels/simd/targets.h"
//
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/simd/load-inl.h"
#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void rotate(const RotaryRow<T>& row) noexcept {
  const FloatVec direction = constant(row.direction);
  for (int64_t head = 0; head < row.num_heads; ++head) {
    const T* const x = row.x + head * row.head_size;
    T* const y = row.y + head * row.head_size;
    for (int64_t i = 0; i < row.num_pairs; i += kLanes) {
      const int64_t count = row.num_pairs - i;
      const FloatVec cos = load(row.cos + i, count);
      const FloatVec sin = hn::Mul(load(row.sin + i, count), direction);
      const FloatVec a = load(x + i, count), b = load(x + row.num_pairs + i, count);
      store(hn::NegMulAdd(b, sin, hn::Mul(a, cos)), y + i, count);
      store(hn::MulAdd(a, sin, hn::Mul(b, cos)), y + row.num_pairs + i, count);
    }
    if (y != x) std::copy(x + 2 * row.num_pairs, x + row.head_size, y + 2 * row.num_pairs);
  }
}

}  // namespace

extern const RotateRow<float> kRotateF32;
extern const RotateRow<BFloat16> kRotateBf16;
const RotateRow<float> kRotateF32 = rotate<float>;
const RotateRow<BFloat16> kRotateBf16 = rotate<BFloat16>;

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

template <>
RotateRow<float> rotate_row<float>(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kRotateF32);
}
template <>
RotateRow<BFloat16> rotate_row<BFloat16>(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kRotateBf16);
}

}  // namespace nopad::kernels
#endif
