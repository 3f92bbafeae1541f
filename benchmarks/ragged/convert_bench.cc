// Padded to ragged and back, against a plain copy of the real tokens: the least that either can
// cost.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "nopad/ragged/convert.h"

namespace nopad {
namespace {

constexpr int64_t kHidden = 384;

// 64 sequences, as different in length as a batch of real texts: 8 to 260 tokens.
std::vector<int64_t> batch_lengths() {
  std::vector<int64_t> lengths;
  for (int64_t b = 0; b < 64; ++b) lengths.push_back(8 + b * 37 % 64 * 4);
  return lengths;
}

RaggedTensor ragged_batch() {
  const auto layout = RaggedLayout::from_lengths(batch_lengths());
  return {Tensor::zeros({layout.num_tokens(), kHidden}), layout};
}

void set_rates(benchmark::State& state, const RaggedTensor& tensor) {
  const int64_t rounds = state.iterations();
  state.SetItemsProcessed(rounds * tensor.layout().num_tokens());
  state.SetBytesProcessed(rounds * static_cast<int64_t>(tensor.values().num_bytes()));
  state.counters["useful"] =
      static_cast<double>(tensor.layout().num_tokens()) /
      static_cast<double>(tensor.layout().num_sequences() * tensor.layout().padded_width());
}

void copy_of_real_tokens(benchmark::State& state) {
  const RaggedTensor tensor = ragged_batch();
  for (auto _ : state) {
    Tensor out = Tensor::empty(tensor.values().shape());
    std::memcpy(out.mutable_bytes(), tensor.values().bytes(), out.num_bytes());
    benchmark::DoNotOptimize(out.bytes());
  }
  set_rates(state, tensor);
}
BENCHMARK(copy_of_real_tokens);

// Each token by itself: what a conversion without runs of tokens costs at worst, in holes.
void from_padded_with_holes(benchmark::State& state) {
  const Tensor values = to_padded(ragged_batch());
  Tensor keep = Tensor::zeros({values.dim(0), values.dim(1)}, DType::boolean);
  for (size_t i = 0; i < keep.values<bool>().size(); i += 2) keep.mutable_values<bool>()[i] = true;
  for (auto _ : state) benchmark::DoNotOptimize(from_padded(values, keep));
  set_rates(state, from_padded(values, keep));
}
BENCHMARK(from_padded_with_holes);

void from_padded_on_the_right(benchmark::State& state) {
  const RaggedTensor tensor = ragged_batch();
  const Tensor values = to_padded(tensor);
  const Tensor keep = tensor.layout().keep();
  for (auto _ : state) benchmark::DoNotOptimize(from_padded(values, keep));
  set_rates(state, tensor);
}
BENCHMARK(from_padded_on_the_right);

void to_padded_on_the_right(benchmark::State& state) {
  const RaggedTensor tensor = ragged_batch();
  for (auto _ : state) benchmark::DoNotOptimize(to_padded(tensor));
  set_rates(state, tensor);
}
BENCHMARK(to_padded_on_the_right);

}  // namespace
}  // namespace nopad
