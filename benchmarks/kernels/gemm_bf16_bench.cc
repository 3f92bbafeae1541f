// bf16 products of MiniLM's and BERT-base's shapes on one thread's matrix tiles, weights in the
// caches. Each result is compared with the reference's before it is timed. Without AMX there is
// nothing to time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/gemm_bf16.h"
#include "nopad/core/storage.h"

namespace nopad::bench {
namespace {

struct Layer {
  const char* name;
  int64_t n, k;
  Activation activation;
};
constexpr Layer kLayers[] = {{"MiniLM-L6/QKV", 1152, 384, Activation::none},
                             {"MiniLM-L6/out", 384, 384, Activation::none},
                             {"MiniLM-L6/FFN1", 1536, 384, Activation::gelu},
                             {"MiniLM-L6/FFN2", 384, 1536, Activation::none},
                             {"BERT-base/QKV", 2304, 768, Activation::none},
                             {"BERT-base/out", 768, 768, Activation::none},
                             {"BERT-base/FFN1", 3072, 768, Activation::gelu},
                             {"BERT-base/FFN2", 768, 3072, Activation::none}};
constexpr int64_t kRows[] = {8, 37, 128, 512};

// Values in (-0.5, 0.5) that look random and are the same on every run.
float value_at(int64_t i) {
  return static_cast<float>(static_cast<uint32_t>(i * 2654435761) >> 8) / (1 << 24) - 0.5f;
}

class Product {
 public:
  Product(const Layer& layer, int64_t m)
      : gemm_(kernels::gemm_bf16(Isa::amx)),
        num_panels_((layer.n + gemm_.panel_width - 1) / gemm_.panel_width) {
    for (int64_t i = 0; i < layer.n * layer.k; ++i) w_.push_back(value_at(i) / 8);
    for (int64_t i = 0; i < m * layer.k; ++i) a_.push_back(BFloat16(value_at(i)));
    for (int64_t i = 0; i < layer.n; ++i) bias_.push_back(value_at(i));
    c_.resize(static_cast<size_t>(m * layer.n));
    const int64_t elements = gemm_.packed_elements(layer.n, layer.k);
    packed_ = Storage::allocate(static_cast<size_t>(elements) * sizeof(BFloat16));
    auto* const packed = reinterpret_cast<BFloat16*>(packed_.mutable_data());
    gemm_.pack(w_.data(), layer.n, layer.k, {0, num_panels_}, packed);
    problem_ = {.m = m,
                .n = layer.n,
                .k = layer.k,
                .a = a_.data(),
                .a_stride = layer.k,
                .packed = packed,
                .c = c_.data(),
                .c_stride = layer.n,
                .bias = bias_.data(),
                .activation = layer.activation};
  }

  void run() const {
    for (int64_t row = 0; row < problem_.m; row += gemm_.block_rows) {
      gemm_.multiply(problem_, {row, std::min(row + gemm_.block_rows, problem_.m)},
                     {0, num_panels_});
    }
  }

  // Whether the first rows are the reference's, to a rounding of bf16.
  bool is_right() {
    run();
    kernels::GemmBf16Problem few = problem_;
    few.m = std::min<int64_t>(few.m, 4);
    std::vector<BFloat16> expected(static_cast<size_t>(few.m * few.n));
    few.c = expected.data();
    kernels::ref::multiply(few, w_.data());
    return std::equal(expected.begin(), expected.end(), c_.begin(), [](BFloat16 e, BFloat16 a) {
      const auto x = static_cast<float>(e), y = static_cast<float>(a);
      return std::abs(x - y) <= 1e-4f + std::abs(x) / 128;
    });
  }

 private:
  const kernels::GemmBf16& gemm_;
  int64_t num_panels_;
  std::vector<float> w_, bias_;
  std::vector<BFloat16> a_, c_;
  Storage packed_;
  kernels::GemmBf16Problem problem_;
};

void time_product(benchmark::State& state, const Layer& layer, int64_t m) {
  Product product(layer, m);
  if (!product.is_right()) {
    state.SkipWithError("the result is not the reference's");
    return;
  }
  for (auto _ : state) {
    product.run();
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(m * layer.n * layer.k),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  if (!nopad::is_supported(nopad::Isa::amx)) {
    std::puts("gemm_bf16_bench: skipped: this machine has no AMX");
    return 0;
  }
  for (const auto& layer : nopad::bench::kLayers) {
    for (const int64_t m : nopad::bench::kRows) {
      const std::string name = std::string(layer.name) + "/M:" + std::to_string(m);
      benchmark::RegisterBenchmark(name.c_str(), nopad::bench::time_product, layer, m);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
