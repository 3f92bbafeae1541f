#include "nopad/ops/group_norm.h"

#include "nopad/core/error.h"
#include "ops/channel_norm.h"

namespace nopad::ops {

RaggedTensor group_norm(const RaggedTensor& x, const GroupNormWeights& weights) {
  const ChannelNorm norm{"group_norm", weights.gain, weights.bias, weights.eps};
  expect_channel_norm(x.values(), norm);
  const int64_t channels = x.values().dim(1);
  if (weights.num_groups < 1 || channels % weights.num_groups != 0) {
    fail<OptionError>("group_norm: num_groups: expected a divisor of the ", channels,
                      " channels, got ", weights.num_groups);
  }
  const ChannelGroups groups{
      .layout = x.layout(), .num_channels = channels, .num_groups = weights.num_groups};
  const ChannelStatistics statistics = channel_statistics(x.values(), groups, weights.eps);
  return x.with_values(normalise_channels(x.values(), groups, statistics, norm));
}

}  // namespace nopad::ops
