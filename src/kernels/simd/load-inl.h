// Loads and stores that give f32 vectors whatever the memory holds, for inclusion once per target.
#if defined(NOPAD_KERNELS_SIMD_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NOPAD_KERNELS_SIMD_LOAD_INL_H_
#undef NOPAD_KERNELS_SIMD_LOAD_INL_H_
#else
#define NOPAD_KERNELS_SIMD_LOAD_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "kernels/simd/math-inl.h"
#include "nopad/core/bfloat16.h"

HWY_BEFORE_NAMESPACE();
namespace nopad::kernels::HWY_NAMESPACE {

// The values x[0], x[1], ... up to the vector's width or `count`; zeros beyond.
HWY_INLINE FloatVec load(const float* x, int64_t count) {
  if (count >= kLanes) return hn::LoadU(kFloat, x);
  return hn::MaskedLoad(hn::FirstN(kFloat, static_cast<size_t>(count)), kFloat, x);
}
HWY_INLINE FloatVec load(const BFloat16* x, int64_t count) {
  const hn::RebindToUnsigned<FloatTag> word;
  const hn::Rebind<uint16_t, FloatTag> half;
  BFloat16 rest[kLanes];
  if (count < kLanes) {
    std::fill(std::copy_n(x, count, rest), rest + kLanes, BFloat16(0.0f));
    x = rest;
  }
  return hn::BitCast(kFloat, hn::ShiftLeft<16>(hn::PromoteTo(word, hn::LoadU(half, &x->bits))));
}
HWY_INLINE void store(FloatVec value, float* x, int64_t count) {
  if (count >= kLanes) {
    hn::StoreU(value, kFloat, x);
  } else {
    hn::BlendedStore(value, hn::FirstN(kFloat, static_cast<size_t>(count)), kFloat, x);
  }
}
// Rounds as BFloat16 does.
HWY_INLINE void store(FloatVec value, BFloat16* x, int64_t count) {
  const hn::RebindToUnsigned<FloatTag> word;
  const hn::RebindToSigned<FloatTag> signed_word;
  const hn::Rebind<uint16_t, FloatTag> half;
  const auto bits = hn::BitCast(word, value);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto to_even = hn::Add(hn::And(upper, hn::Set(word, 1)), hn::Set(word, 0x7fff));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, to_even));
  const auto quiet_nan = hn::Or(upper, hn::Set(word, 0x40));
  const auto is_number = hn::RebindMask(word, hn::Eq(value, value));
  const auto out = hn::IfThenElse(is_number, rounded, quiet_nan);
  const auto narrow = hn::DemoteTo(half, hn::BitCast(signed_word, out));
  if (count >= kLanes) {
    hn::StoreU(narrow, half, &x->bits);
  } else {
    BFloat16 rest[kLanes];
    hn::StoreU(narrow, half, &rest->bits);
    std::copy_n(rest, count, x);
  }
}

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NOPAD_KERNELS_SIMD_LOAD_INL_H_
