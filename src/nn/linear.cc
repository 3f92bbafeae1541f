#include "nopad/nn/linear.h"

#include <algorithm>

namespace nopad::nn {
namespace {

Tensor load_bias(const WeightSource& source, std::string_view prefix, int64_t outputs) {
  const std::string name = join(prefix, "bias");
  return source.contains(name) ? load_weight(source, name, {outputs}) : Tensor();
}

}  // namespace

Linear Linear::load(const WeightSource& source, std::string_view prefix, int64_t inputs,
                    int64_t outputs, Compute compute) {
  return Linear(load_weight(source, join(prefix, "weight"), {outputs, inputs}),
                load_bias(source, prefix, outputs), compute);
}

Linear Linear::load_fused(const WeightSource& source, std::span<const std::string> prefixes,
                          int64_t inputs, int64_t outputs_each, Compute compute) {
  const int64_t outputs = std::ssize(prefixes) * outputs_each;
  Tensor weight = Tensor::empty({outputs, inputs});
  Tensor bias = Tensor::zeros({outputs});
  for (int64_t i = 0; i < std::ssize(prefixes); ++i) {
    const std::string& prefix = prefixes[static_cast<size_t>(i)];
    const Tensor part = load_weight(source, join(prefix, "weight"), {outputs_each, inputs});
    std::ranges::copy(part.values<float>(),
                      weight.mutable_values<float>().begin() + i * outputs_each * inputs);
    // A missing bias is a bias of zeros.
    const Tensor part_bias = load_bias(source, prefix, outputs_each);
    std::ranges::copy(part_bias.values<float>(),
                      bias.mutable_values<float>().begin() + i * outputs_each);
  }
  return Linear(weight, bias, compute);
}

}  // namespace nopad::nn
