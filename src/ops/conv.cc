#include "nopad/ops/conv.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/convolution.h"
#include "ops/depthwise_conv.h"
#include "ops/dispatch_float.h"
#include "ops/gemm.h"
#include "ops/packed_product.h"

namespace nopad::ops {
namespace {

// Windows are written out as rows, a block at a time, and then it is a matrix product. The sums of
// the weight's gradient are made in these blocks, so their size is part of its bits.
constexpr int64_t kBlockWindows = 512;

// [O, C / groups, K] -> [O, K, C / groups], as rows of written-out windows want it.
template <class T>
Tensor taps_first(const Tensor& weight) {
  Tensor out = Tensor::empty(weight.shape(), weight.dtype());
  const T* const from = weight.values<T>().data();
  T* to = out.mutable_values<T>().data();
  const int64_t channels = weight.dim(1), taps = weight.dim(2);
  for (int64_t o = 0; o < weight.dim(0); ++o) {
    for (int64_t k = 0; k < taps; ++k) {
      for (int64_t c = 0; c < channels; ++c) *to++ = from[(o * channels + c) * taps + k];
    }
  }
  return out;
}

// The way back: adds [O / groups, K, C / groups] of one group to its part of [O, C / groups, K].
template <class T>
void add_taps_last(const Convolution& conv, const T* from, T* to) {
  const int64_t channels = conv.group_channels(), taps = conv.taps();
  for (int64_t o = 0; o < conv.group_outputs(); ++o) {
    for (int64_t k = 0; k < taps; ++k) {
      for (int64_t c = 0; c < channels; ++c) to[(o * channels + c) * taps + k] += *from++;
    }
  }
}

// Calls f(begin, count) for the blocks of windows, in order.
template <class F>
void for_each_block(const Convolution& conv, F&& f) {
  const int64_t num_windows = conv.windows.windows.num_tokens();
  for (int64_t begin = 0; begin < num_windows; begin += kBlockWindows) {
    f(begin, std::min(kBlockWindows, num_windows - begin));
  }
}

// Windows [begin, begin + count) of one group as rows [count, K, C / groups].
template <class T>
void write_windows(const Convolution& conv, const T* x, int64_t group, int64_t begin, int64_t count,
                   T* rows) {
  const int64_t channels = conv.group_channels();
  const WindowConfig& config = conv.windows.config;
  auto write = [&](int64_t from, int64_t to) {
    conv.windows.for_each(begin + from, begin + to, [&](const Window& window) {
      T* const row = rows + (window.index - begin) * conv.row();
      const int64_t first = std::min(window.first_tap(config.dilation), config.size);
      const int64_t last = std::max(first, window.last_tap(config));
      std::fill(row, row + first * channels, T{0});
      std::fill(row + last * channels, row + conv.row(), T{0});
      for (int64_t k = first; k < last; ++k) {
        const int64_t token = window.first + k * config.dilation;
        std::copy_n(x + token * conv.channels + group * channels, channels, row + k * channels);
      }
    });
  };
  current_execution().threads().parallel_for(count, 64, write);
}

// The way back: adds the rows to the tokens that they came from. Threads share the channels out, so
// that each sum is made in the order of the windows.
template <class T>
void add_windows(const Convolution& conv, const T* rows, int64_t group, int64_t begin,
                 int64_t count, T* d_x) {
  const int64_t channels = conv.group_channels();
  auto add = [&](int64_t from, int64_t to) {
    for_each_tap(conv, begin, begin + count, [&](int64_t window, int64_t tap, int64_t token) {
      const T* const row = rows + (window - begin) * conv.row() + tap * channels;
      T* const out = d_x + token * conv.channels + group * channels;
      for (int64_t c = from; c < to; ++c) out[c] += row[c];
    });
  };
  current_execution().threads().parallel_for(channels, 64, add);
}

template <class T>
Tensor forward(const Convolution& conv, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (conv.is_depthwise()) return depthwise<T>(conv, x, weight, bias);
  Tensor out = Tensor::empty({conv.windows.windows.num_tokens(), conv.outputs}, x.dtype());
  Tensor rows = Tensor::empty({kBlockWindows, conv.row()}, x.dtype());
  const Tensor taps = taps_first<T>(weight);
  for (int64_t group = 0; group < conv.groups; ++group) {
    const int64_t first = group * conv.group_outputs();
    const PackedProduct<T> product(taps.values<T>().data() + first * conv.row(),
                                   conv.group_outputs(), conv.row(), false);
    const T* const addend = bias.num_elements() == 0 ? nullptr : bias.values<T>().data() + first;
    for_each_block(conv, [&](int64_t begin, int64_t count) {
      T* const block = rows.mutable_values<T>().data();
      write_windows(conv, x.values<T>().data(), group, begin, count, block);
      product.multiply(
          {block, conv.row()}, count, addend,
          {out.mutable_values<T>().data() + begin * conv.outputs + first, conv.outputs});
    });
  }
  return out;
}

template <class T>
Tensor gradient_of_x(const Convolution& conv, const Tensor& weight, const Tensor& d_out) {
  if (conv.is_depthwise()) return depthwise_gradient_of_x<T>(conv, weight, d_out);
  Tensor d_x = Tensor::zeros({conv.windows.tokens.num_tokens(), conv.channels}, d_out.dtype());
  Tensor rows = Tensor::empty({kBlockWindows, conv.row()}, d_out.dtype());
  const Tensor taps = taps_first<T>(weight);
  for (int64_t group = 0; group < conv.groups; ++group) {
    const int64_t first = group * conv.group_outputs();
    const PackedProduct<T> product(taps.values<T>().data() + first * conv.row(), conv.row(),
                                   conv.group_outputs(), true);
    for_each_block(conv, [&](int64_t begin, int64_t count) {
      T* const block = rows.mutable_values<T>().data();
      product.multiply({d_out.values<T>().data() + begin * conv.outputs + first, conv.outputs},
                       count, nullptr, {block, conv.row()});
      add_windows(conv, block, group, begin, count, d_x.mutable_values<T>().data());
    });
  }
  return d_x;
}

template <class T>
void copy_columns(const T* from, int64_t stride, int64_t rows, int64_t columns, T* to) {
  for (int64_t r = 0; r < rows; ++r) std::copy_n(from + r * stride, columns, to + r * columns);
}

template <class T>
Tensor gradient_of_weight(const Convolution& conv, const Tensor& x, const Tensor& d_out) {
  if (conv.is_depthwise()) return depthwise_gradient_of_weight<T>(conv, x, d_out);
  const int64_t group_outputs = conv.group_outputs();
  Tensor d_weight =
      Tensor::zeros({conv.outputs, conv.group_channels(), conv.taps()}, d_out.dtype());
  Tensor rows = Tensor::empty({kBlockWindows, conv.row()}, d_out.dtype());
  Tensor d_rows = Tensor::empty({kBlockWindows, group_outputs}, d_out.dtype());
  Tensor sums = Tensor::empty({group_outputs, conv.row()}, d_out.dtype());
  for (int64_t group = 0; group < conv.groups; ++group) {
    const int64_t first = group * group_outputs;
    for_each_block(conv, [&](int64_t begin, int64_t count) {
      write_windows(conv, x.values<T>().data(), group, begin, count,
                    rows.mutable_values<T>().data());
      copy_columns(d_out.values<T>().data() + begin * conv.outputs + first, conv.outputs, count,
                   group_outputs, d_rows.mutable_values<T>().data());
      sum_over_rows<T>({.num_rows = count, .m = group_outputs, .n = conv.row()},
                       d_rows.values<T>().data(), rows.values<T>().data(), Gradient::left,
                       sums.mutable_values<T>().data());
      add_taps_last(conv, sums.values<T>().data(),
                    d_weight.mutable_values<T>().data() + first * conv.row());
    });
  }
  return d_weight;
}

template <class T>
Tensor gradient_of_bias(const Tensor& d_out) {
  const int64_t width = d_out.dim(1);
  Tensor d_bias = Tensor::zeros({width}, d_out.dtype());
  T* const sums = d_bias.mutable_values<T>().data();
  const T* const from = d_out.values<T>().data();
  auto columns = [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < d_out.dim(0); ++row) {
      for (int64_t i = begin; i < end; ++i) sums[i] += from[row * width + i];
    }
  };
  current_execution().threads().parallel_for(width, 64, columns);
  return d_bias;
}

void expect_operands(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups) {
  if (x.rank() != 2) fail<ShapeError>("conv1d: x: expected [T, C], got ", x.shape());
  if (groups < 1 || x.dim(1) % groups != 0) {
    fail<OptionError>("conv1d: groups: expected a divisor of the ", x.dim(1), " channels, got ",
                      groups);
  }
  const int64_t channels = x.dim(1) / groups;
  if (weight.rank() != 3 || weight.dim(1) != channels) {
    fail<ShapeError>("conv1d: weight: expected [O, ", channels, ", K], got ", weight.shape());
  }
  if (weight.dim(0) % groups != 0) {
    fail<ShapeError>("conv1d: weight: expected a multiple of ", groups, " groups as O, got ",
                     weight.shape());
  }
  if (bias.num_elements() != 0 && bias.shape() != Shape{weight.dim(0)}) {
    fail<ShapeError>("conv1d: bias: expected ", Shape{weight.dim(0)}, ", got ", bias.shape());
  }
  dispatch_float("conv1d", "x", x, [](auto) {});
  for (const auto& [name, operand] : {std::pair{"weight", &weight}, std::pair{"bias", &bias}}) {
    if (operand->num_elements() != 0 && operand->dtype() != x.dtype()) {
      fail<DTypeError>("conv1d: ", name, ": expected ", x.dtype(), " as x, got ", operand->dtype());
    }
  }
}

Convolution make_convolution(const RaggedTensor& x, const Tensor& weight,
                             const Conv1dConfig& config) {
  const WindowConfig windows{.size = weight.dim(2),
                             .stride = config.stride,
                             .dilation = config.dilation,
                             .padding = config.padding};
  return {.windows = {x.layout(), window_layout(x.layout(), windows, "conv1d"), windows},
          .channels = x.values().dim(1),
          .outputs = weight.dim(0),
          .groups = config.groups};
}

}  // namespace

RaggedTensor conv1d(const RaggedTensor& x, const Tensor& weight, const Tensor& bias,
                    const Conv1dConfig& config) {
  expect_operands(x.values(), weight, bias, config.groups);
  const Convolution conv = make_convolution(x, weight, config);
  return dispatch_float("conv1d", "x", x.values(), [&]<class T>(T) {
    Tensor out = forward<T>(conv, x.values(), weight, bias);
    if (autograd::should_record({&x.values(), &weight, &bias})) {
      auto backward = [conv, x = autograd::detach(x.values()), weight = autograd::detach(weight),
                       needs_x = autograd::needs_grad(x.values()),
                       needs_weight = autograd::needs_grad(weight),
                       needs_bias = autograd::needs_grad(bias)](const Tensor& d_out) {
        return std::vector{needs_x ? gradient_of_x<T>(conv, weight, d_out) : Tensor(),
                           needs_weight ? gradient_of_weight<T>(conv, x, d_out) : Tensor(),
                           needs_bias ? gradient_of_bias<T>(d_out) : Tensor()};
      };
      autograd::record(out, "conv1d", {x.values(), weight, bias}, std::move(backward));
    }
    return RaggedTensor(std::move(out), conv.windows.windows);
  });
}

}  // namespace nopad::ops
