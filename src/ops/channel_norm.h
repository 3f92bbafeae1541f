// Normalisation over the rows of each sequence: what group_norm and batch_norm share.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/core/tensor.h"
#include "nopad/ragged/layout.h"

namespace nopad::ops {

// What is normalised together: the rows of one sequence, and a group of neighbouring channels.
// Cheap to copy: it is what backward passes capture.
struct ChannelGroups {
  RaggedLayout layout;  // its sequences' tokens are the rows
  Tensor counted = {};  // [rows] bool, the rows that make the statistics; no elements: all
  int64_t num_channels = 0;
  int64_t num_groups = 1;

  bool is_counted(int64_t row) const {
    return counted.num_elements() == 0 || counted.values<bool>()[static_cast<size_t>(row)];
  }
};

// The weights of a norm, which it does not own.
struct ChannelNorm {
  std::string_view op;  // a literal, which messages begin with
  const Tensor& gain;   // [C] the dtype of x, or empty for none
  const Tensor& bias;   // [C] the dtype of x, or empty for none
  float eps;
};

// Statistics of each sequence and group, [sequences, groups] f64. Where no row is counted, all are
// zeros, and so is the normalised x.
struct ChannelStatistics {
  Tensor mean;
  Tensor variance;  // biased
  Tensor scale;     // 1 / sqrt(variance + eps)
};

// Throws ShapeError, x is not [rows, C] or gain or bias is not [C]; DTypeError.
void expect_channel_norm(const Tensor& x, const ChannelNorm& norm);

// Sums run in f64 in the order of the rows, so that a sequence's do not depend on others, nor on
// the threads.
// x : [rows, C] f32 or f64
ChannelStatistics channel_statistics(const Tensor& x, const ChannelGroups& groups, float eps);

// (x - mean) scale gain + bias, for counted and uncounted rows alike; recorded, as a function of x
// through the statistics of the counted rows too. With no row counted they are constants.
Tensor normalise_channels(const Tensor& x, const ChannelGroups& groups,
                          const ChannelStatistics& statistics, const ChannelNorm& norm);

}  // namespace nopad::ops
