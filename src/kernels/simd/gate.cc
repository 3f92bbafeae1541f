#include "kernels/gate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/gate.cc"
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
void gate(Activation activation, const T* x, T* y, int64_t width, int64_t num_rows) noexcept {
  with_activation(activation, [&](auto chosen) {
    for (int64_t row = 0; row < num_rows; ++row) {
      const T* const from = x + row * 2 * width;
      T* const to = y + row * width;
      for (int64_t i = 0; i < width; i += kLanes) {
        const int64_t count = width - i;
        const FloatVec activated = activate<decltype(chosen)::value>(load(from + i, count));
        store(hn::Mul(activated, load(from + width + i, count)), to + i, count);
      }
    }
  });
}

}  // namespace

extern const GateRows<float> kGateF32;
extern const GateRows<BFloat16> kGateBf16;
const GateRows<float> kGateF32 = gate<float>;
const GateRows<BFloat16> kGateBf16 = gate<BFloat16>;

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

template <>
GateRows<float> gate_rows<float>(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kGateF32);
}
template <>
GateRows<BFloat16> gate_rows<BFloat16>(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kGateBf16);
}

}  // namespace nopad::kernels
#endif
