#include "models/position_tables.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "nopad/ops/rotary.h"

namespace nopad::models {
namespace {

// The base grows by the factor, and the frequencies shrink by a power of it (of their place, where
// there is a mixed_b) so that the fastest stays.
std::vector<float> ntk_frequencies(const RotaryConfig& config, int64_t head_size) {
  const bool is_mixed = config.mixed_b.has_value();
  std::vector<float> out =
      ops::rotary_frequencies(config.theta * (is_mixed ? 1 : config.factor), head_size);
  const auto half = static_cast<double>(head_size) / 2;
  const double exponent = config.mixed_b.value_or(0);
  for (size_t i = 0; i < out.size(); ++i) {
    const double divisor = is_mixed
                               ? std::exp(std::log(config.factor) *
                                          std::pow(static_cast<double>(i + 1) / half, exponent))
                               : std::pow(config.factor, 1 / half);
    out[i] /= static_cast<float>(divisor);
  }
  return out;
}

}  // namespace

int64_t bucket_of(int64_t distance) {
  constexpr int64_t kEachSide = kNumBuckets / 2, kNear = kEachSide / 2;
  constexpr double kFarthest = 128;
  const int64_t side = distance > 0 ? kEachSide : 0;
  const int64_t steps = std::abs(distance);
  if (steps < kNear) return side + steps;
  // In f32, as PyTorch, so that the edges of buckets fall alike.
  const auto octaves = std::log(static_cast<float>(steps) / static_cast<float>(kNear)) /
                       static_cast<float>(std::log(kFarthest / kNear));
  const auto far = static_cast<int64_t>(octaves * static_cast<float>(kEachSide - kNear));
  return side + std::min(kNear + far, kEachSide - 1);
}

Tensor spread_buckets(const Tensor& table, int64_t max_tokens) {
  const int64_t num_heads = table.dim(1), num_distances = 2 * max_tokens - 1;
  Tensor out = Tensor::empty({num_heads, num_distances});
  const auto from = table.values<float>();
  const auto to = out.mutable_values<float>();
  for (int64_t d = 0; d < num_distances; ++d) {
    const int64_t bucket = bucket_of(d - (max_tokens - 1));
    for (int64_t h = 0; h < num_heads; ++h) {
      to[static_cast<size_t>(h * num_distances + d)] =
          from[static_cast<size_t>(bucket * num_heads + h)];
    }
  }
  return out;
}

Tensor reverse_rows(const Tensor& table, float growth) {
  Tensor out = Tensor::empty(table.shape());
  for (int64_t i = 0; i < table.dim(0); ++i) {
    const int64_t from = table.dim(0) - 1 - i;
    std::ranges::transform(table.rows(from, from + 1).values<float>(),
                           out.rows(i, i + 1).mutable_values<float>().begin(),
                           [&](float x) { return growth * x; });
  }
  return out;
}

std::vector<float> inverse_frequencies(const RotaryConfig& config, int64_t head_size) {
  if (config.scaling == RotaryScaling::ntk) return ntk_frequencies(config, head_size);
  std::vector<float> out = ops::rotary_frequencies(config.theta, head_size);
  if (config.scaling == RotaryScaling::linear) {
    for (float& frequency : out) frequency /= static_cast<float>(config.factor);
  }
  return out;
}

}  // namespace nopad::models
