#include "kernels/layer_norm.h"

#include <algorithm>
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

// The centre of a row, and 1 / sqrt(variance + eps).
struct Statistics {
  float centre, scale;
};

template <class T>
Statistics statistics_of(const T* x, int64_t width, float eps, Centre centre) {
  const float at = centre == Centre::mean ? mean_of(x, width) : 0.0f;
  return {at, 1.0f / std::sqrt(variance_of(x, width, at) + eps)};
}

template <class T>
void layer_norm(const LayerNormProblem<T>& p, int64_t begin, int64_t end) noexcept {
  for (int64_t row = begin; row < end; ++row) {
    const T* const x = p.x + row * p.x_stride;
    T* const y = p.y + row * p.y_stride;
    const Statistics statistics = statistics_of(x, p.width, p.eps, p.centre);
    const FloatVec centre = constant(statistics.centre), scale = constant(statistics.scale);
    for (int64_t i = 0; i < p.width; i += kLanes) {
      const int64_t count = p.width - i;
      const FloatVec gain = hn::Mul(load(p.gain + i, count), scale);
      const FloatVec bias = p.bias == nullptr ? hn::Zero(kFloat) : load(p.bias + i, count);
      store(hn::MulAdd(hn::Sub(load(x + i, count), centre), gain, bias), y + i, count);
    }
  }
}

bool is_zero(const float* x, int64_t width) {
  for (int64_t i = 0; i < width; i += kLanes) {
    if (!hn::AllTrue(kFloat, hn::Eq(load(x + i, width - i), hn::Zero(kFloat)))) return false;
  }
  return true;
}

// The means, over a row, of g = d_y gain and of g h, where h is the normalised x.
struct Means {
  float g, gh;
};

// Adds the row's part to d_gain and d_bias while it is at it.
Means add_to_weights(const LayerNormBackwardProblem<float>& p, const float* x, const float* d_y,
                     Statistics statistics) {
  const FloatVec centre = constant(statistics.centre), scale = constant(statistics.scale);
  FloatVec sum_g = hn::Zero(kFloat), sum_gh = hn::Zero(kFloat);
  for (int64_t i = 0; i < p.width; i += kLanes) {
    const int64_t count = p.width - i;
    const FloatVec d = load(d_y + i, count);
    const FloatVec g = hn::Mul(d, load(p.gain + i, count));
    const FloatVec h = hn::Mul(hn::Sub(load(x + i, count), centre), scale);
    sum_g = hn::Add(sum_g, g);
    sum_gh = hn::MulAdd(g, h, sum_gh);
    store(hn::MulAdd(d, h, load(p.d_gain + i, count)), p.d_gain + i, count);
    store(hn::Add(d, load(p.d_bias + i, count)), p.d_bias + i, count);
  }
  const auto width = static_cast<float>(p.width);
  return {p.centre == Centre::mean ? sum_of(sum_g) / width : 0.0f, sum_of(sum_gh) / width};
}

// d_x = scale (g - mean(g) - h mean(g h)).
void differentiate_row(const LayerNormBackwardProblem<float>& p, const float* x, const float* d_y,
                       float* d_x) {
  const Statistics statistics = statistics_of(x, p.width, p.eps, p.centre);
  const Means means = add_to_weights(p, x, d_y, statistics);
  const FloatVec centre = constant(statistics.centre), scale = constant(statistics.scale);
  for (int64_t i = 0; i < p.width; i += kLanes) {
    const int64_t count = p.width - i;
    const FloatVec g = hn::Mul(load(d_y + i, count), load(p.gain + i, count));
    const FloatVec h = hn::Mul(hn::Sub(load(x + i, count), centre), scale);
    const FloatVec d = hn::NegMulAdd(h, constant(means.gh), hn::Sub(g, constant(means.g)));
    store(hn::Mul(d, scale), d_x + i, count);
  }
}

void layer_norm_backward(const LayerNormBackwardProblem<float>& p, int64_t begin,
                         int64_t end) noexcept {
  for (int64_t row = begin; row < end; ++row) {
    const float* const d_y = p.d_y + row * p.width;
    float* const d_x = p.d_x + row * p.width;
    if (is_zero(d_y, p.width)) {
      std::fill_n(d_x, p.width, 0.0f);
    } else {
      differentiate_row(p, p.x + row * p.width, d_y, d_x);
    }
  }
}

}  // namespace

constexpr LayerNorm<float> kLayerNormF32 = layer_norm<float>;
constexpr LayerNorm<BFloat16> kLayerNormBf16 = layer_norm<BFloat16>;
constexpr LayerNormBackward<float> kLayerNormBackwardF32 = layer_norm_backward;

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

LayerNorm<float> layer_norm_f32(Isa isa) noexcept { return NOPAD_SELECT(isa, kLayerNormF32); }
LayerNorm<BFloat16> layer_norm_bf16(Isa isa) noexcept { return NOPAD_SELECT(isa, kLayerNormBf16); }
LayerNormBackward<float> layer_norm_backward_f32(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kLayerNormBackwardF32);
}

}  // namespace nopad::kernels
#endif
