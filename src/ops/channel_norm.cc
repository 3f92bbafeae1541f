#include "ops/channel_norm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "ops/broadcast.h"
#include "ops/dispatch_float.h"

namespace nopad::ops {
namespace {

constexpr int64_t kChannelsPerTask = 64;

// Calls f(sequence, first channel, end channel) for every sequence and block of channels.
template <class F>
void for_each_block(const ChannelGroups& groups, F&& f) {
  const int64_t channels = groups.num_channels;
  const int64_t blocks = (channels + kChannelsPerTask - 1) / kChannelsPerTask;
  auto tasks = [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % blocks * kChannelsPerTask;
      f(task / blocks, first, std::min(channels, first + kChannelsPerTask));
    }
  };
  current_execution().threads().parallel_for(groups.layout.num_sequences() * blocks, 1, tasks);
}

template <class T>
bool is_zero(const T* values, int64_t begin, int64_t end) {
  return std::all_of(values + begin, values + end, [](T value) { return value == 0; });
}

// Each sequence's and channel's sum of term(i, j), where i is the element's place among the rows and
// j that of its sum, over the rows for whose channels takes_part(row, begin, end):
// [sequences, C] f64.
template <class TakesPart, class Term>
Tensor sum_channels(const ChannelGroups& groups, TakesPart&& takes_part, Term&& term) {
  const int64_t channels = groups.num_channels;
  Tensor sums = Tensor::empty({groups.layout.num_sequences(), channels}, DType::f64);
  double* const to = sums.mutable_values<double>().data();
  for_each_block(groups, [&](int64_t sequence, int64_t begin, int64_t end) {
    std::array<double, kChannelsPerTask> block{};
    double* const sum = block.data();
    for (int64_t row = groups.layout.offset(sequence); row < groups.layout.offset(sequence + 1);
         ++row) {
      if (!takes_part(row, begin, end)) continue;
      const int64_t i = row * channels + begin, j = sequence * channels + begin;
      for (int64_t c = 0; c < end - begin; ++c) sum[c] += term(i + c, j + c);
    }
    std::copy_n(sum, end - begin, to + sequence * channels + begin);
  });
  return sums;
}

// How many elements each sequence's statistics are taken from.
std::vector<int64_t> counts_of(const ChannelGroups& groups) {
  std::vector<int64_t> counts;
  for (int64_t b = 0; b < groups.layout.num_sequences(); ++b) {
    int64_t rows = 0;
    for (int64_t row = groups.layout.offset(b); row < groups.layout.offset(b + 1); ++row) {
      rows += groups.is_counted(row) ? 1 : 0;
    }
    counts.push_back(rows * groups.num_channels / std::max<int64_t>(1, groups.num_groups));
  }
  return counts;
}

// The means over each group from its channels' sums: [sequences, C] to [sequences, groups]. Zeros
// where nothing is counted.
Tensor mean_over_groups(const Tensor& channel_sums, const ChannelGroups& groups,
                        const std::vector<int64_t>& counts) {
  Tensor means = Tensor::zeros({groups.layout.num_sequences(), groups.num_groups}, DType::f64);
  const auto from = channel_sums.values<double>();
  const auto to = means.mutable_values<double>();
  const int64_t width = groups.num_channels / groups.num_groups;
  for (int64_t i = 0; i < means.num_elements(); ++i) {
    const int64_t count = counts[static_cast<size_t>(i / groups.num_groups)];
    if (count == 0) continue;
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) sum += from[static_cast<size_t>(i * width + c)];
    to[static_cast<size_t>(i)] = sum / static_cast<double>(count);
  }
  return means;
}

// [sequences, groups] to [sequences, C], each channel with the value of its group.
template <class T>
std::vector<T> spread_to_channels(const Tensor& values, const ChannelGroups& groups) {
  const int64_t width = groups.num_channels / groups.num_groups;
  std::vector<T> channels;
  channels.reserve(static_cast<size_t>(values.num_elements() * width));
  for (const double value : values.values<double>()) {
    channels.insert(channels.end(), static_cast<size_t>(width), static_cast<T>(value));
  }
  return channels;
}

// The weight's values, or as many `otherwise` where it has none.
template <class T>
std::vector<T> values_or(const Tensor& weight, int64_t channels, T otherwise) {
  if (weight.num_elements() == 0) return std::vector<T>(static_cast<size_t>(channels), otherwise);
  return {weight.values<T>().begin(), weight.values<T>().end()};
}

template <class T>
ChannelStatistics statistics_of(const Tensor& x, const ChannelGroups& groups, float eps) {
  const T* const values = x.values<T>().data();
  const std::vector<int64_t> counts = counts_of(groups);
  const auto is_counted = [&](int64_t row, int64_t, int64_t) { return groups.is_counted(row); };
  const Tensor sums = sum_channels(
      groups, is_counted, [&](int64_t i, int64_t) { return static_cast<double>(values[i]); });
  const Tensor mean = mean_over_groups(sums, groups, counts);
  const std::vector<double> means = spread_to_channels<double>(mean, groups);
  const Tensor squares =
      sum_channels(groups, is_counted, [&, centre = means.data()](int64_t i, int64_t j) {
        const double deviation = static_cast<double>(values[i]) - centre[j];
        return deviation * deviation;
      });
  const Tensor variance = mean_over_groups(squares, groups, counts);
  Tensor scale = Tensor::zeros(mean.shape(), DType::f64);
  for (int64_t i = 0; i < scale.num_elements(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (counts[static_cast<size_t>(i / groups.num_groups)] == 0) continue;
    scale.mutable_values<double>()[at] =
        1 / std::sqrt(variance.values<double>()[at] + static_cast<double>(eps));
  }
  return {mean, variance, scale};
}

template <class T>
Tensor normalise(const Tensor& x, const ChannelGroups& groups, const ChannelStatistics& statistics,
                 const ChannelNorm& norm) {
  const int64_t channels = groups.num_channels;
  const std::vector<T> means = spread_to_channels<T>(statistics.mean, groups);
  std::vector<T> factors = spread_to_channels<T>(statistics.scale, groups);
  const std::vector<T> gain = values_or<T>(norm.gain, channels, 1);
  for (size_t i = 0; i < factors.size(); ++i) factors[i] *= gain[i % gain.size()];
  const std::vector<T> bias = values_or<T>(norm.bias, channels, 0);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  const T* const from = x.values<T>().data();
  T* const to = y.mutable_values<T>().data();
  for_each_block(groups, [&, shift = bias.data()](int64_t sequence, int64_t begin, int64_t end) {
    const T* const mean = means.data() + sequence * channels;
    const T* const factor = factors.data() + sequence * channels;
    for (int64_t row = groups.layout.offset(sequence); row < groups.layout.offset(sequence + 1);
         ++row) {
      const T* const x_row = from + row * channels;
      T* const y_row = to + row * channels;
      for (int64_t c = begin; c < end; ++c) y_row[c] = (x_row[c] - mean[c]) * factor[c] + shift[c];
    }
  });
  return y;
}

struct Saved {
  Tensor x, gain;
  ChannelGroups groups;
  ChannelStatistics statistics;
};

// Sums of d_y and of d_y h, h being the normalised x, over a sequence's rows: what the gradients of
// the weights and of the statistics are made of. Where a row's d_y is zero, its x is not read.
struct ChannelSums {
  Tensor d, dh;  // [sequences, C] f64
};

template <class T>
ChannelSums sums_of(const Saved& saved, const Tensor& d_y) {
  const std::vector<double> means = spread_to_channels<double>(saved.statistics.mean, saved.groups);
  const std::vector<double> scales =
      spread_to_channels<double>(saved.statistics.scale, saved.groups);
  const double* const mean = means.data();
  const double* const scale = scales.data();
  const T* const d = d_y.values<T>().data();
  const T* const x = saved.x.values<T>().data();
  const auto has_gradient = [&](int64_t row, int64_t begin, int64_t end) {
    return !is_zero(d + row * saved.groups.num_channels, begin, end);
  };
  const auto term_d = [=](int64_t i, int64_t) { return static_cast<double>(d[i]); };
  const auto term_dh = [=](int64_t i, int64_t j) {
    return static_cast<double>(d[i]) * ((static_cast<double>(x[i]) - mean[j]) * scale[j]);
  };
  return {sum_channels(saved.groups, has_gradient, term_d),
          sum_channels(saved.groups, has_gradient, term_dh)};
}

// The sums of a channel times its gain, which turn sums of d_y into sums of the gradient of h.
template <class T>
Tensor times_gain(const Tensor& sums, const Tensor& gain) {
  if (gain.num_elements() == 0) return sums;
  Tensor out = Tensor::empty(sums.shape(), DType::f64);
  for (int64_t i = 0; i < sums.num_elements(); ++i) {
    out.mutable_values<double>()[static_cast<size_t>(i)] =
        sums.values<double>()[static_cast<size_t>(i)] *
        static_cast<double>(gain.values<T>()[static_cast<size_t>(i % gain.dim(0))]);
  }
  return out;
}

// What is the same for all rows of a sequence, channel by channel; see input_gradient.
template <class T>
struct ChannelFactors {
  const T* mean;
  const T* scale;
  const T* gain;
  const T* mean_g;
  const T* mean_gh;
};

template <class T>
void differentiate_counted(const T* x, const T* d_y, const ChannelFactors<T>& f, int64_t begin,
                           int64_t end, T* d_x) {
  for (int64_t c = begin; c < end; ++c) {
    const T h = (x[c] - f.mean[c]) * f.scale[c];
    d_x[c] = f.scale[c] * (d_y[c] * f.gain[c] - f.mean_g[c] - h * f.mean_gh[c]);
  }
}

template <class T>
void differentiate_uncounted(const T* d_y, const ChannelFactors<T>& f, int64_t begin, int64_t end,
                             T* d_x) {
  for (int64_t c = begin; c < end; ++c) d_x[c] = d_y[c] * f.gain[c] * f.scale[c];
}

// With g = d_y gain: d_x = scale (g - mean(g) - h mean(g h)), without the means, which come by way of
// the statistics, for rows that are not counted. Where nothing comes in, x is not read.
template <class T>
Tensor input_gradient(const Saved& saved, const Tensor& d_y, const ChannelSums& sums) {
  const ChannelGroups& groups = saved.groups;
  const int64_t channels = groups.num_channels;
  const std::vector<int64_t> counts = counts_of(groups);
  const auto mean_of = [&](const Tensor& channel_sums) {
    return spread_to_channels<T>(
        mean_over_groups(times_gain<T>(channel_sums, saved.gain), groups, counts), groups);
  };
  const std::vector<T> mean_g = mean_of(sums.d), mean_gh = mean_of(sums.dh);
  const std::vector<T> mean = spread_to_channels<T>(saved.statistics.mean, groups);
  const std::vector<T> scale = spread_to_channels<T>(saved.statistics.scale, groups);
  const std::vector<T> gain = values_or<T>(saved.gain, channels, 1);
  Tensor d_x = Tensor::empty(d_y.shape(), d_y.dtype());
  const T* const x = saved.x.values<T>().data();
  const T* const d = d_y.values<T>().data();
  T* const to = d_x.mutable_values<T>().data();
  for_each_block(groups, [&](int64_t sequence, int64_t begin, int64_t end) {
    const int64_t first = sequence * channels;
    const ChannelFactors<T> factors{mean.data() + first, scale.data() + first, gain.data(),
                                    mean_g.data() + first, mean_gh.data() + first};
    const bool no_means =
        is_zero(factors.mean_g, begin, end) && is_zero(factors.mean_gh, begin, end);
    for (int64_t row = groups.layout.offset(sequence); row < groups.layout.offset(sequence + 1);
         ++row) {
      const int64_t at = row * channels;
      const bool counted = groups.is_counted(row);
      if ((no_means || !counted) && is_zero(d + at, begin, end)) {
        std::fill(to + at + begin, to + at + end, T{0});
      } else if (counted) {
        differentiate_counted(x + at, d + at, factors, begin, end, to + at);
      } else {
        differentiate_uncounted(d + at, factors, begin, end, to + at);
      }
    }
  });
  return d_x;
}

template <class T>
void record_norm(Tensor& y, const Tensor& x, const ChannelNorm& norm, const ChannelGroups& groups,
                 const ChannelStatistics& statistics) {
  if (!autograd::should_record({&x, &norm.gain, &norm.bias})) return;
  const Saved saved{autograd::detach(x), autograd::detach(norm.gain), groups, statistics};
  const bool needs_x = autograd::needs_grad(x), needs_gain = autograd::needs_grad(norm.gain);
  const bool needs_bias = autograd::needs_grad(norm.bias);
  autograd::record(y, norm.op, {x, norm.gain, norm.bias}, [=](const Tensor& d_y) {
    const ChannelSums sums = sums_of<T>(saved, d_y);
    const auto over_sequences = [&](const Tensor& channel_sums) {
      return sum_to_shape(channel_sums, Shape{groups.num_channels}).to(dtype_of<T>);
    };
    return std::vector{needs_x ? input_gradient<T>(saved, d_y, sums) : Tensor(),
                       needs_gain ? over_sequences(sums.dh) : Tensor(),
                       needs_bias ? over_sequences(sums.d) : Tensor()};
  });
}

void expect_weight(const ChannelNorm& norm, const char* name, const Tensor& weight,
                   const Tensor& x) {
  if (weight.num_elements() == 0 && x.dim(1) != 0) return;
  if (weight.shape() != Shape{x.dim(1)}) {
    fail<ShapeError>(norm.op, ": ", name, ": expected ", Shape{x.dim(1)}, ", got ", weight.shape());
  }
  if (weight.dtype() != x.dtype()) {
    fail<DTypeError>(norm.op, ": ", name, ": expected ", x.dtype(), " as x, got ", weight.dtype());
  }
}

}  // namespace

void expect_channel_norm(const Tensor& x, const ChannelNorm& norm) {
  dispatch_float(norm.op, "x", x, [](auto) {});
  if (x.rank() != 2 || x.dim(1) == 0) {
    fail<ShapeError>(norm.op, ": x: expected [tokens, channels], got ", x.shape());
  }
  expect_weight(norm, "gain", norm.gain, x);
  expect_weight(norm, "bias", norm.bias, x);
}

ChannelStatistics channel_statistics(const Tensor& x, const ChannelGroups& groups, float eps) {
  return dispatch_float("channel_statistics", "x", x,
                        [&]<class T>(T) { return statistics_of<T>(x, groups, eps); });
}

Tensor normalise_channels(const Tensor& x, const ChannelGroups& groups,
                          const ChannelStatistics& statistics, const ChannelNorm& norm) {
  return dispatch_float(norm.op, "x", x, [&]<class T>(T) {
    Tensor y = normalise<T>(x, groups, statistics, norm);
    record_norm<T>(y, x, norm, groups, statistics);
    return y;
  });
}

}  // namespace nopad::ops
