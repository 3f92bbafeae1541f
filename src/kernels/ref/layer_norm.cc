#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

namespace nopad::kernels::ref {
namespace {

struct Statistics {
  double centre = 0;
  double scale = 0;  // 1 / sqrt(variance + eps)
};

template <class T>
Statistics statistics_of(const T* x, int64_t width, float eps, Centre centre) {
  Statistics out;
  const auto count = static_cast<double>(width);
  if (centre == Centre::mean) {
    for (int64_t i = 0; i < width; ++i) out.centre += static_cast<double>(x[i]) / count;
  }
  double variance = 0;
  for (int64_t i = 0; i < width; ++i) {
    const double deviation = x[i] - out.centre;
    variance += deviation * deviation / count;
  }
  out.scale = 1 / std::sqrt(variance + static_cast<double>(eps));
  return out;
}

template <class T>
void normalise(const LayerNormProblem<T>& p, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* const x = p.x + row * p.x_stride;
    const Statistics s = statistics_of(x, p.width, p.eps, p.centre);
    for (int64_t i = 0; i < p.width; ++i) {
      const double y = (x[i] - s.centre) * s.scale * p.gain[i];
      p.y[row * p.y_stride + i] = static_cast<T>(y + (p.bias == nullptr ? 0 : p.bias[i]));
    }
  }
}

// With h = (x - centre) scale and g = d_y gain: d_x = scale (g - mean(g) - h mean(g h)), where the
// first mean is there only if the centre is one.
template <class T>
void add_row(const LayerNormBackwardProblem<T>& p, const T* x, const T* d_y, T* d_x) {
  const Statistics s = statistics_of(x, p.width, p.eps, p.centre);
  const auto count = static_cast<double>(p.width);
  const auto h = [&](int64_t i) { return (x[i] - s.centre) * s.scale; };
  const auto g = [&](int64_t i) { return static_cast<double>(d_y[i]) * p.gain[i]; };
  double mean_g = 0, mean_gh = 0;
  for (int64_t i = 0; i < p.width; ++i) {
    if (p.centre == Centre::mean) mean_g += g(i) / count;
    mean_gh += g(i) * h(i) / count;
  }
  for (int64_t i = 0; i < p.width; ++i) {
    d_x[i] = static_cast<T>(s.scale * (g(i) - mean_g - h(i) * mean_gh));
    p.d_gain[i] += static_cast<T>(d_y[i] * h(i));
    p.d_bias[i] += d_y[i];
  }
}

template <class T>
void differentiate(const LayerNormBackwardProblem<T>& p, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* const d_y = p.d_y + row * p.width;
    T* const d_x = p.d_x + row * p.width;
    if (std::all_of(d_y, d_y + p.width, [](T value) { return value == 0; })) {
      std::fill_n(d_x, p.width, T{0});
    } else {
      add_row(p, p.x + row * p.width, d_y, d_x);
    }
  }
}

}  // namespace

void layer_norm(const LayerNormProblem<float>& p, int64_t begin, int64_t end) noexcept {
  normalise(p, begin, end);
}

void layer_norm(const LayerNormProblem<double>& p, int64_t begin, int64_t end) noexcept {
  normalise(p, begin, end);
}

void layer_norm_backward(const LayerNormBackwardProblem<float>& p, int64_t begin,
                         int64_t end) noexcept {
  differentiate(p, begin, end);
}

void layer_norm_backward(const LayerNormBackwardProblem<double>& p, int64_t begin,
                         int64_t end) noexcept {
  differentiate(p, begin, end);
}

}  // namespace nopad::kernels::ref
