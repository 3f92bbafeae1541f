#include "nopad/ops/batch_norm.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "ops/channel_norm.h"
#include "ops/dispatch_float.h"

namespace nopad::ops {
namespace {

// All rows as one sequence, each channel a group of its own.
ChannelGroups whole_batch(const Tensor& x, Tensor counted) {
  const std::array rows = {x.dim(0)};
  return {.layout = RaggedLayout::from_lengths(rows),
          .counted = std::move(counted),
          .num_channels = x.dim(1),
          .num_groups = x.dim(1)};
}

int64_t num_counted(const ChannelGroups& groups) {
  if (groups.counted.num_elements() == 0) return groups.layout.num_tokens();
  return std::ranges::count(groups.counted.values<bool>(), true);
}

BatchNormResult normalise_batch(const Tensor& x, const BatchNormWeights& weights,
                                const Tensor& counted) {
  const ChannelNorm norm{"batch_norm", weights.gain, weights.bias, weights.eps};
  expect_channel_norm(x, norm);
  const ChannelGroups groups = whole_batch(x, counted);
  const ChannelStatistics statistics = channel_statistics(x, groups, weights.eps);
  const auto per_channel = [&](const Tensor& of_groups) {
    return of_groups.reshape({x.dim(1)}).to(x.dtype());
  };
  return {.y = normalise_channels(x, groups, statistics, norm),
          .statistics = {.mean = per_channel(statistics.mean),
                         .variance = per_channel(statistics.variance),
                         .count = num_counted(groups)}};
}

void expect_statistic(const char* op, const char* name, const Tensor& statistic, const Shape& shape,
                      DType dtype) {
  if (statistic.shape() != shape) {
    fail<ShapeError>(op, ": ", name, ": expected ", shape, ", got ", statistic.shape());
  }
  if (statistic.dtype() != dtype) {
    fail<DTypeError>(op, ": ", name, ": expected ", dtype, ", got ", statistic.dtype());
  }
}

Tensor mix(const Tensor& running, const Tensor& batch, double rate, double batch_factor) {
  return dispatch_float("update_running", "running", running, [&]<class T>(T) {
    Tensor out = Tensor::empty(running.shape(), running.dtype());
    std::ranges::transform(running.values<T>(), batch.values<T>(), out.mutable_values<T>().begin(),
                           [&](double before, double now) {
                             return static_cast<T>((1 - rate) * before + rate * batch_factor * now);
                           });
    return out;
  });
}

}  // namespace

RaggedBatchNormResult batch_norm_training(const RaggedTensor& x, const BatchNormWeights& weights,
                                          const TokenMask* keep) {
  if (keep != nullptr) keep->expect_layout(x.layout(), "batch_norm", "x");
  BatchNormResult result =
      normalise_batch(x.values(), weights, keep == nullptr ? Tensor() : keep->to_tensor());
  return {.y = x.with_values(std::move(result.y)), .statistics = std::move(result.statistics)};
}

BatchNormResult batch_norm_training(const Tensor& x, const BatchNormWeights& weights) {
  return normalise_batch(x, weights, Tensor());
}

Tensor batch_norm(const Tensor& x, const BatchNormWeights& weights, const Tensor& mean,
                  const Tensor& variance) {
  const ChannelNorm norm{"batch_norm", weights.gain, weights.bias, weights.eps};
  expect_channel_norm(x, norm);
  expect_statistic("batch_norm", "mean", mean, Shape{x.dim(1)}, x.dtype());
  expect_statistic("batch_norm", "variance", variance, Shape{x.dim(1)}, x.dtype());
  autograd::expect_no_grad("batch_norm statistics", {&mean, &variance});
  const Shape of_groups{1, x.dim(1)};
  Tensor scale = Tensor::empty(of_groups, DType::f64);
  const Tensor wide_mean = autograd::detach(mean).to(DType::f64);
  const Tensor wide_variance = autograd::detach(variance).to(DType::f64);
  std::ranges::transform(
      wide_variance.values<double>(), scale.mutable_values<double>().begin(),
      [&](double value) { return 1 / std::sqrt(value + static_cast<double>(weights.eps)); });
  // No row is counted: the statistics do not come from x.
  return normalise_channels(x, whole_batch(x, Tensor::zeros({x.dim(0)}, DType::boolean)),
                            {.mean = wide_mean.reshape(of_groups),
                             .variance = wide_variance.reshape(of_groups),
                             .scale = scale},
                            norm);
}

RunningStatistics update_running(const RunningStatistics& running, const BatchStatistics& batch,
                                 RunningUpdate update) {
  if (!(update.rate >= 0 && update.rate <= 1)) {
    fail<OptionError>("update_running: rate: expected 0 to 1, got ", update.rate);
  }
  expect_statistic("update_running", "mean", running.mean, batch.mean.shape(), batch.mean.dtype());
  expect_statistic("update_running", "variance", running.variance, batch.variance.shape(),
                   batch.variance.dtype());
  if (batch.count == 0) return running;
  const auto count = static_cast<double>(batch.count);
  const double factor =
      update.variance == RunningVariance::unbiased ? count / std::max(1.0, count - 1) : 1.0;
  return {.mean = mix(running.mean, batch.mean, update.rate, 1),
          .variance = mix(running.variance, batch.variance, update.rate, factor)};
}

}  // namespace nopad::ops
