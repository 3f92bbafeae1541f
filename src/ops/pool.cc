#include "nopad/ops/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"

namespace nopad::ops {
namespace {

// What each kept token adds to the sum of a mean-like pooling, by its place in the sequence.
float weight_of(Pooling pooling, int64_t index) {
  return pooling == Pooling::weighted_mean ? static_cast<float>(index + 1) : 1.0f;
}

template <class T>
void add_weighted(const T* row, float weight, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] += static_cast<float>(row[i]) * weight;
}

// A NaN wins, as in torch.max: it must not get lost.
template <class T>
void take_larger(const T* row, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const auto x = static_cast<float>(row[i]);
    if (!(x <= out[i]) && !std::isnan(out[i])) out[i] = x;
  }
}

// The place of the first or the last kept token; -1 where none is.
int64_t find_kept(std::span<const bool> keep, bool from_the_end) {
  if (from_the_end) {
    const auto found = std::ranges::find(keep.rbegin(), keep.rend(), true);
    return keep.rend() - found - 1;
  }
  const auto found = std::ranges::find(keep, true);
  return found == keep.end() ? -1 : found - keep.begin();
}

template <class T>
void pool_sequence(const T* rows, std::span<const bool> keep, Pooling pooling,
                   std::span<float> out) {
  const auto width = static_cast<int64_t>(out.size());
  std::ranges::fill(out, 0.0f);
  if (std::ranges::find(keep, true) == keep.end()) return;
  if (pooling == Pooling::cls || pooling == Pooling::last_token) {
    add_weighted(rows + find_kept(keep, pooling == Pooling::last_token) * width, 1.0f, out);
    return;
  }
  if (pooling == Pooling::max) std::ranges::fill(out, -std::numeric_limits<float>::infinity());
  float total = 0;
  for (int64_t index = 0; index < std::ssize(keep); ++index) {
    if (!keep[static_cast<size_t>(index)]) continue;
    const float weight = weight_of(pooling, index);
    total += weight;
    if (pooling == Pooling::max) {
      take_larger(rows + index * width, out);
    } else {
      add_weighted(rows + index * width, weight, out);
    }
  }
  if (pooling == Pooling::max) return;
  const float divisor = pooling == Pooling::mean_sqrt_length ? std::sqrt(total) : total;
  for (float& value : out) value /= divisor;
}

}  // namespace

Tensor pool(const RaggedTensor& x, Pooling pooling) {
  return pool(x, pooling, TokenMask::all(x.layout()));
}

Tensor pool(const RaggedTensor& x, Pooling pooling, const TokenMask& keep) {
  autograd::expect_no_grad("pool", {&x.values()});
  keep.expect_layout(x.layout(), "pool", "x");
  if (x.values().rank() != 2) {
    fail<ShapeError>("pool: x: expected [T, D], got ", x.values().shape());
  }
  const RaggedLayout& layout = x.layout();
  const int64_t width = x.values().dim(1);
  Tensor out = Tensor::empty({layout.num_sequences(), width});
  if (out.num_elements() == 0) return out;
  const auto run = [&]<class T>(T) {
    const T* const from = x.values().values<T>().data();
    const auto to = out.mutable_values<float>();
    auto sequences = [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const auto first = static_cast<size_t>(layout.offset(b));
        pool_sequence(from + layout.offset(b) * width,
                      keep.keep().subspan(first, static_cast<size_t>(layout.length(b))), pooling,
                      to.subspan(static_cast<size_t>(b * width), static_cast<size_t>(width)));
      }
    };
    current_execution().threads().parallel_for(layout.num_sequences(), 4, sequences);
  };
  if (x.values().dtype() == DType::f32) {
    run(float{});
  } else if (x.values().dtype() == DType::bf16) {
    run(BFloat16{});
  } else {
    fail<DTypeError>("pool: x: expected f32 or bf16, got ", x.values().dtype());
  }
  return out;
}

Tensor l2_normalize(const Tensor& x, float eps) {
  autograd::expect_no_grad("l2_normalize", {&x});
  const int64_t width = x.dim(-1);
  Tensor out = Tensor::empty(x.shape());
  const auto from = x.values<float>();
  const auto to = out.mutable_values<float>();
  for (size_t row = 0; row < from.size(); row += static_cast<size_t>(width)) {
    double sum = 0;
    for (const float value : from.subspan(row, static_cast<size_t>(width))) {
      sum += static_cast<double>(value) * value;
    }
    const float length = std::max(static_cast<float>(std::sqrt(sum)), eps);
    for (size_t i = row; i < row + static_cast<size_t>(width); ++i) to[i] = from[i] / length;
  }
  return out;
}

}  // namespace nopad::ops
