#include "ops/depthwise_conv.h"

#include <algorithm>

#include "nopad/core/execution.h"

namespace nopad::ops {
namespace {

// [C, 1, K] -> [K, C], so that channels lie side by side.
template <class T>
Tensor channels_last(const Tensor& weight) {
  const int64_t channels = weight.dim(0), taps = weight.dim(2);
  Tensor out = Tensor::empty({taps, channels}, weight.dtype());
  const T* const from = weight.values<T>().data();
  T* const to = out.mutable_values<T>().data();
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t k = 0; k < taps; ++k) to[k * channels + c] = from[c * taps + k];
  }
  return out;
}

// Threads share the channels out where windows add to the same sum, so that it is made in their
// order.
constexpr int64_t kChannelsPerTask = 64;

}  // namespace

template <class T>
Tensor depthwise(const Convolution& conv, const Tensor& x, const Tensor& weight,
                 const Tensor& bias) {
  const int64_t channels = conv.channels;
  const int64_t num_windows = conv.windows.windows.num_tokens();
  Tensor out = Tensor::zeros({num_windows, channels}, x.dtype());
  const Tensor kernels = channels_last<T>(weight);
  const T* const w = kernels.values<T>().data();
  const T* const from = x.values<T>().data();
  T* const to = out.mutable_values<T>().data();
  const T* const addend = bias.num_elements() == 0 ? nullptr : bias.values<T>().data();
  auto windows = [&](int64_t begin, int64_t end) {
    for_each_tap(conv, begin, end, [&](int64_t window, int64_t tap, int64_t token) {
      for (int64_t c = 0; c < channels; ++c) {
        to[window * channels + c] += w[tap * channels + c] * from[token * channels + c];
      }
    });
    for (int64_t window = begin; addend != nullptr && window < end; ++window) {
      for (int64_t c = 0; c < channels; ++c) to[window * channels + c] += addend[c];
    }
  };
  const int64_t grain = std::max<int64_t>(1, 32768 / (channels * conv.taps()));
  current_execution().threads().parallel_for(num_windows, grain, windows);
  return out;
}

template <class T>
Tensor depthwise_gradient_of_x(const Convolution& conv, const Tensor& weight, const Tensor& d_out) {
  const int64_t channels = conv.channels;
  Tensor d_x = Tensor::zeros({conv.windows.tokens.num_tokens(), channels}, d_out.dtype());
  const Tensor kernels = channels_last<T>(weight);
  const T* const w = kernels.values<T>().data();
  const T* const from = d_out.values<T>().data();
  T* const to = d_x.mutable_values<T>().data();
  auto some_channels = [&](int64_t begin, int64_t end) {
    for_each_tap(conv, 0, d_out.dim(0), [&](int64_t window, int64_t tap, int64_t token) {
      for (int64_t c = begin; c < end; ++c) {
        to[token * channels + c] += w[tap * channels + c] * from[window * channels + c];
      }
    });
  };
  current_execution().threads().parallel_for(channels, kChannelsPerTask, some_channels);
  return d_x;
}

template <class T>
Tensor depthwise_gradient_of_weight(const Convolution& conv, const Tensor& x, const Tensor& d_out) {
  const int64_t channels = conv.channels, taps = conv.taps();
  Tensor sums = Tensor::zeros({taps, channels}, d_out.dtype());
  const T* const rows = x.values<T>().data();
  const T* const from = d_out.values<T>().data();
  T* const to = sums.mutable_values<T>().data();
  auto some_channels = [&](int64_t begin, int64_t end) {
    for_each_tap(conv, 0, d_out.dim(0), [&](int64_t window, int64_t tap, int64_t token) {
      for (int64_t c = begin; c < end; ++c) {
        const T d = from[window * channels + c];
        to[tap * channels + c] += d == 0 ? T{0} : d * rows[token * channels + c];
      }
    });
  };
  current_execution().threads().parallel_for(channels, kChannelsPerTask, some_channels);
  Tensor d_weight = Tensor::empty({channels, 1, taps}, d_out.dtype());
  T* out = d_weight.mutable_values<T>().data();
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t k = 0; k < taps; ++k) *out++ = to[k * channels + c];
  }
  return d_weight;
}

#define NOPAD_INSTANTIATE(T)                                                                     \
  template Tensor depthwise<T>(const Convolution&, const Tensor&, const Tensor&, const Tensor&); \
  template Tensor depthwise_gradient_of_x<T>(const Convolution&, const Tensor&, const Tensor&);  \
  template Tensor depthwise_gradient_of_weight<T>(const Convolution&, const Tensor&, const Tensor&)
NOPAD_INSTANTIATE(float);
NOPAD_INSTANTIATE(double);
#undef NOPAD_INSTANTIATE

}  // namespace nopad::ops
