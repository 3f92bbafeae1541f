#include "kernels/layer_norm.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/layer_norm.cc"
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

float sum_of(FloatVec v) { return hn::GetLane(hn::SumOfLanes(kFloat, v)); }

// Two sums at a time hide the latency of the additions.
template <class T>
float mean_of(const T* x, int64_t width) {
  FloatVec even = hn::Zero(kFloat), odd = hn::Zero(kFloat);
  int64_t i = 0;
  for (; i + 2 * kLanes <= width; i += 2 * kLanes) {
    even = hn::Add(even, load(x + i, kLanes));
    odd = hn::Add(odd, load(x + i + kLanes, kLanes));
  }
  for (; i < width; i += kLanes) even = hn::Add(even, load(x + i, width - i));
  return sum_of(hn::Add(even, odd)) / static_cast<float>(width);
}

template <class T>
float variance_of(const T* x, int64_t width, float mean) {
  FloatVec even = hn::Zero(kFloat), odd = hn::Zero(kFloat);
  int64_t i = 0;
  for (; i + 2 * kLanes <= width; i += 2 * kLanes) {
    const FloatVec a = hn::Sub(load(x + i, kLanes), constant(mean));
    const FloatVec b = hn::Sub(load(x + i + kLanes, kLanes), constant(mean));
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  for (; i < width; i += kLanes) {
    const auto mask = hn::FirstN(kFloat, static_cast<size_t>(width - i));
    const FloatVec a = hn::IfThenElseZero(mask, hn::Sub(load(x + i, width - i), constant(mean)));
    even = hn::MulAdd(a, a, even);
  }
  return sum_of(hn::Add(even, odd)) / static_cast<float>(width);
}

template <class T>
void layer_norm(const LayerNormProblem<T>& p, int64_t begin, int64_t end) noexcept {
  for (int64_t row = begin; row < end; ++row) {
    const T* const x = p.x + row * p.x_stride;
    T* const y = p.y + row * p.y_stride;
    const float mean = mean_of(x, p.width);
    const FloatVec scale = constant(1.0f / std::sqrt(variance_of(x, p.width, mean) + p.eps));
    for (int64_t i = 0; i < p.width; i += kLanes) {
      const int64_t count = p.width - i;
      const FloatVec gain = hn::Mul(load(p.gain + i, count), scale);
      const FloatVec bias = p.bias == nullptr ? hn::Zero(kFloat) : load(p.bias + i, count);
      store(hn::MulAdd(hn::Sub(load(x + i, count), constant(mean)), gain, bias), y + i, count);
    }
  }
}

}  // namespace

constexpr LayerNorm<float> kLayerNormF32 = layer_norm<float>;
constexpr LayerNorm<BFloat16> kLayerNormBf16 = layer_norm<BFloat16>;

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

LayerNorm<float> layer_norm_f32(Isa isa) noexcept { return NOPAD_SELECT(isa, kLayerNormF32); }
LayerNorm<BFloat16> layer_norm_bf16(Isa isa) noexcept { return NOPAD_SELECT(isa, kLayerNormBf16); }

}  // namespace nopad::kernels
#endif
