#include "nopad/models/sparse_head.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/tokens.h"

namespace nopad::models {
namespace {

// How many tokens' logits exist at once: enough for the decoder to run as it does on many.
constexpr int64_t kRowsPerBlock = 64;

Tensor log_1p_relu(const Tensor& x) { return ops::log(ops::add(ops::relu(x), 1)); }

Tensor activate(const Tensor& logits, SparseActivation activation) {
  const Tensor once = log_1p_relu(logits);
  return activation == SparseActivation::relu ? once : log_1p_relu(once);
}

// Token after token in their order, so that no sum depends on where blocks begin.
void accumulate(std::span<const float> token, SparsePooling pooling, std::span<float> sequence) {
  if (pooling == SparsePooling::sum) {
    std::ranges::transform(sequence, token, sequence.begin(), std::plus());
  } else {
    std::ranges::transform(sequence, token, sequence.begin(),
                           [](float a, float b) { return b > a || std::isnan(b) ? b : a; });
  }
}

}  // namespace

std::string_view to_string(SparseActivation activation) noexcept {
  return activation == SparseActivation::relu ? "relu" : "log1p_relu";
}

std::string_view to_string(SparsePooling pooling) noexcept {
  return pooling == SparsePooling::max ? "max" : "sum";
}

SparseActivation sparse_activation_from_string(std::string_view name) {
  for (const auto activation : {SparseActivation::relu, SparseActivation::log1p_relu}) {
    if (to_string(activation) == name) return activation;
  }
  fail<OptionError>("sparse activation: expected relu or log1p_relu, got ", name);
}

SparsePooling sparse_pooling_from_string(std::string_view name) {
  for (const auto pooling : {SparsePooling::max, SparsePooling::sum}) {
    if (to_string(pooling) == name) return pooling;
  }
  fail<OptionError>("sparse pooling: expected max or sum, got ", name);
}

Tensor SparseHead::operator()(const RaggedTensor& hidden) const {
  const RaggedLayout& layout = hidden.layout();
  // What takes no part adds nothing: no activation is below 0.
  Tensor out = Tensor::zeros({layout.num_sequences(), vocab_size()});
  int64_t sequence = 0;
  for (int64_t begin = 0; begin < layout.num_tokens(); begin += kRowsPerBlock) {
    const int64_t end = std::min(begin + kRowsPerBlock, layout.num_tokens());
    const Tensor tokens = activate(head_(hidden.values().rows(begin, end)), config_.activation);
    for (int64_t t = begin; t < end; ++t) {
      while (t >= layout.offset(sequence + 1)) ++sequence;
      accumulate(tokens.rows(t - begin, t - begin + 1).values<float>(), config_.pooling,
                 out.rows(sequence, sequence + 1).mutable_values<float>());
    }
  }
  return out;
}

Tensor SparseHead::operator()(const RaggedTensor& hidden, const TokenMask& keep) const {
  return (*this)(ops::drop_tokens(hidden, keep));
}

}  // namespace nopad::models
