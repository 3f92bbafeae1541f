#include "runtime/sentence_head.h"

#include <algorithm>

#include "nopad/core/error.h"
#include "nopad/io/checkpoint.h"
#include "nopad/ops/pool.h"

namespace nopad {
namespace {

Tensor pool_side_by_side(const RaggedTensor& hidden, std::span<const Pooling> poolings,
                         const TokenMask& keep) {
  if (poolings.size() == 1) return ops::pool(hidden, poolings[0], keep);
  const int64_t rows = hidden.layout().num_sequences();
  const int64_t width = hidden.values().dim(1);
  Tensor out = Tensor::empty({rows, width * std::ssize(poolings)});
  for (int64_t i = 0; i < std::ssize(poolings); ++i) {
    const Tensor part = ops::pool(hidden, poolings[static_cast<size_t>(i)], keep);
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(part.values<float>().begin() + row * width, width,
                  out.mutable_values<float>().begin() + (row * std::ssize(poolings) + i) * width);
    }
  }
  return out;
}

}  // namespace

SentenceHead::SentenceHead(std::span<const io::Module> modules, int64_t hidden_size,
                           std::optional<Pooling> pooling, std::optional<bool> normalize)
    : dim_(hidden_size) {
  for (const io::Module& module : modules) add(module, pooling);
  if (poolings_.empty()) {
    if (!pooling) {
      fail<OptionError>(
          "TextEncoder: pooling: the model directory names none; choose cls, mean or "
          "another (mean suits most encoders)");
    }
    poolings_ = {*pooling};
  }
  if (normalize) {
    std::erase_if(
        steps_, [](const auto& step) { return std::holds_alternative<io::NormalizeModule>(step); });
    if (*normalize) steps_.emplace_back(io::NormalizeModule{});
  }
}

void SentenceHead::add(const io::Module& module, std::optional<Pooling> pooling) {
  if (const auto* const found = std::get_if<io::PoolingModule>(&module)) {
    if (!poolings_.empty()) fail<FormatError>("modules.json: expected one Pooling, got two");
    poolings_ = pooling ? std::vector{*pooling} : found->modes;
    includes_prompt_ = found->include_prompt;
    dim_ *= std::ssize(poolings_);
    return;
  }
  if (std::holds_alternative<io::SpladeModule>(module)) {
    fail<FormatError>(
        "modules.json: expected a Pooling, got a SpladePooling, whose vectors are sparse");
  }
  if (poolings_.empty()) {
    fail<FormatError>("modules.json: expected a Pooling before Dense and Normalize");
  }
  if (const auto* const dense = std::get_if<io::DenseModule>(&module)) {
    if (dense->in_features != dim_) {
      fail<FormatError>((dense->directory / "config.json").string(), ": in_features: expected ",
                        dim_, ", got ", dense->in_features);
    }
    steps_.emplace_back(
        Dense{nn::Linear::load(*io::open_checkpoint(dense->directory), "linear", dense->in_features,
                               dense->out_features, nn::Compute::f32),
              dense->activation});
    dim_ = dense->out_features;
  } else {
    steps_.emplace_back(io::NormalizeModule{});
  }
}

Tensor SentenceHead::operator()(const RaggedTensor& hidden, const TokenMask& keep) const {
  Tensor rows = pool_side_by_side(hidden, poolings_, keep);
  for (const auto& step : steps_) {
    if (const auto* const dense = std::get_if<Dense>(&step)) {
      rows = dense->linear(rows, {.activation = dense->activation});
    } else {
      rows = ops::l2_normalize(rows);
    }
  }
  return rows;
}

}  // namespace nopad
