#include "kernels/softmax.h"

#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/softmax.cc"
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

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// As load, with -inf beyond the row: the lanes there take no part.
FloatVec load_or_none(const float* x, int64_t count) {
  if (count >= kLanes) return hn::LoadU(kFloat, x);
  const auto inside = hn::FirstN(kFloat, static_cast<size_t>(count));
  return hn::IfThenElse(inside, hn::MaskedLoad(inside, kFloat, x), constant(-kInfinity));
}

// The largest value, or 0 where that is -inf, so that exp(x - shift) is 0 there and not NaN.
float shift_of(const float* x, int64_t width) {
  FloatVec largest = constant(-kInfinity);
  for (int64_t i = 0; i < width; i += kLanes) {
    largest = hn::Max(largest, load_or_none(x + i, width - i));
  }
  const float value = hn::GetLane(hn::MaxOfLanes(kFloat, largest));
  return value == -kInfinity ? 0.0f : value;
}

// Gives the sum of exp(x - shift); `each` gets the vectors that it is made of.
template <class Each>
HWY_INLINE float sum_exp(const float* x, float shift, int64_t width, Each&& each) {
  FloatVec sum = hn::Zero(kFloat);
  for (int64_t i = 0; i < width; i += kLanes) {
    const FloatVec e = exp(hn::Sub(load_or_none(x + i, width - i), constant(shift)));
    each(i, e);
    sum = hn::Add(sum, e);
  }
  return hn::GetLane(hn::SumOfLanes(kFloat, sum));
}

void softmax(const float* x, float* y, int64_t width, int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    const float sum = sum_exp(x, shift_of(x, width), width,
                              [&](int64_t i, FloatVec e) { store(e, y + i, width - i); });
    const FloatVec scale = constant(sum == 0 ? 0.0f : 1.0f / sum);
    for (int64_t i = 0; i < width; i += kLanes) {
      store(hn::Mul(load(y + i, width - i), scale), y + i, width - i);
    }
  }
}

void softmax_backward(const float* y, const float* d_y, float* d_x, int64_t width,
                      int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, y += width, d_y += width, d_x += width) {
    FloatVec products = hn::Zero(kFloat);
    for (int64_t i = 0; i < width; i += kLanes) {
      products = hn::MulAdd(load(y + i, width - i), load(d_y + i, width - i), products);
    }
    const FloatVec dot = hn::SumOfLanes(kFloat, products);
    for (int64_t i = 0; i < width; i += kLanes) {
      const FloatVec centred = hn::Sub(load(d_y + i, width - i), dot);
      store(hn::Mul(load(y + i, width - i), centred), d_x + i, width - i);
    }
  }
}

void log_sum_exp(const float* x, float* out, int64_t width, int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width) {
    const float shift = shift_of(x, width);
    out[row] = shift + std::log(sum_exp(x, shift, width, [](int64_t, FloatVec) {}));
  }
}

void scaled_exp(const float* x, const float* shift, const float* scale, float* y, int64_t width,
                int64_t num_rows) noexcept {
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    for (int64_t i = 0; i < width; i += kLanes) {
      const FloatVec e = exp(hn::Sub(load(x + i, width - i), constant(shift[row])));
      store(hn::Mul(e, constant(scale[row])), y + i, width - i);
    }
  }
}

}  // namespace

constexpr SoftmaxKernels<float> kSoftmax = {softmax, softmax_backward, log_sum_exp, scaled_exp};

}  // namespace nopad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nopad::kernels {

template <>
const SoftmaxKernels<float>& softmax_kernels<float>(Isa isa) noexcept {
  return NOPAD_SELECT(isa, kSoftmax);
}
template <>
const SoftmaxKernels<double>& softmax_kernels<double>(Isa) noexcept {
  return ref::softmax_kernels<double>();
}

}  // namespace nopad::kernels
#endif
