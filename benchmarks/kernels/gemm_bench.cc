// f32 products of MiniLM's and BERT-base's shapes, beside the FMA peak measured in the same
// windows.
//   gemm_bench [--threads N] [--isa NAME] [--windows N]
// Windows of about 2 ms alternate between the peak and each shape, because neighbours on a shared
// host change the machine's speed from one millisecond to the next. Printed per shape: the median
// and the best tenth of its windows as shares of the best tenth of the peak's.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/fma_peak.h"
#include "kernels/gemm.h"
#include "nopad/core/execution.h"
#include "nopad/core/tensor.h"

namespace nopad::bench {
namespace {

struct Product {
  const char* model;
  int64_t m, n, k;
};

constexpr Product kLayers[] = {{"MiniLM-L6 QKV", 0, 1152, 384},  {"MiniLM-L6 out", 0, 384, 384},
                               {"MiniLM-L6 FFN1", 0, 1536, 384}, {"MiniLM-L6 FFN2", 0, 384, 1536},
                               {"BERT-base QKV", 0, 2304, 768},  {"BERT-base out", 0, 768, 768},
                               {"BERT-base FFN1", 0, 3072, 768}, {"BERT-base FFN2", 0, 768, 3072}};
constexpr int64_t kRows[] = {8, 32, 64, 94, 128, 512, 2048};

class Contender {
 public:
  Contender(const Product& product, const Execution& execution)
      : product_(product), execution_(execution), gemm_(gemm_f32(execution.isa())) {
    panels_ = (product.n + gemm_.panel_width - 1) / gemm_.panel_width;
    packed_ = Tensor::zeros({panels_ * gemm_.panel_width * product.k});
    a_ = Tensor::zeros({product.m, product.k});
    c_ = Tensor::zeros({product.m, product.n});
    for (float& x : a_.mutable_values<float>()) x = 0.5f;
    for (float& x : packed_.mutable_values<float>()) x = 0.25f;
  }

  // GFLOP/s of one window.
  double run() {
    const double flops = 2.0 * static_cast<double>(product_.m * product_.n * product_.k);
    const int repeats = std::max(1, static_cast<int>(4e8 / flops));
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) multiply();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return flops * repeats / seconds.count() / 1e9;
  }

 private:
  void multiply() {
    const kernels::GemmF32Problem problem{.m = product_.m,
                                          .n = product_.n,
                                          .k = product_.k,
                                          .a = a_.values<float>().data(),
                                          .a_stride = product_.k,
                                          .packed = packed_.values<float>().data(),
                                          .c = c_.mutable_values<float>().data(),
                                          .c_stride = product_.n};
    // As ops::linear cuts a product of many rows.
    const int64_t threads = execution_.threads().num_threads();
    const int64_t rounds =
        (product_.m + threads * gemm_.block_rows - 1) / (threads * gemm_.block_rows);
    const int64_t rows = (product_.m + rounds * threads - 1) / (rounds * threads);
    auto block = [&](int64_t begin, int64_t end) {
      gemm_.multiply(problem, {begin, end}, {0, panels_});
    };
    execution_.threads().parallel_for(product_.m, rows, block);
  }

  static const kernels::GemmF32& gemm_f32(Isa isa) { return kernels::gemm_f32(isa); }

  Product product_;
  const Execution& execution_;
  const kernels::GemmF32& gemm_;
  int64_t panels_ = 0;
  Tensor packed_, a_, c_;
};

double peak_of_all_threads(const Execution& execution) {
  std::atomic<double> sum = 0;
  auto measure = [&](int64_t, int64_t) {
    const double gflops = measure_fma_peak(execution.isa());
    double expected = sum.load();
    while (!sum.compare_exchange_weak(expected, expected + gflops)) {
    }
  };
  execution.threads().parallel_for(execution.threads().num_threads(), 1, measure);
  return sum;
}

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void run(const Execution& execution, int windows) {
  std::vector<Product> products;
  for (const Product& layer : kLayers) {
    for (const int64_t m : kRows) products.push_back({layer.model, m, layer.n, layer.k});
  }
  std::printf("isa %s, %d threads, %d windows a shape\n",
              std::string(to_string(execution.isa())).c_str(), execution.threads().num_threads(),
              windows);
  std::printf("%-16s %5s %5s %5s  %8s %8s %8s   %6s %6s\n", "layer", "M", "N", "K", "peak",
              "median", "best 10%", "median", "best");
  for (const Product& product : products) {
    Contender contender(product, execution);
    std::vector<double> peaks, rates;
    for (int i = 0; i < windows; ++i) {
      peaks.push_back(peak_of_all_threads(execution));
      rates.push_back(contender.run());
    }
    const double peak = quantile(peaks, 0.9), median = quantile(rates, 0.5),
                 best = quantile(rates, 0.9);
    std::printf("%-16s %5ld %5ld %5ld  %8.1f %8.1f %8.1f   %5.1f%% %5.1f%%\n", product.model,
                product.m, product.n, product.k, peak, median, best, 100 * median / peak,
                100 * best / peak);
  }
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  CLI::App app("f32 products of encoder shapes, beside the FMA peak");
  int threads = 0, windows = 60;
  std::string isa = "auto";
  app.add_option("--threads", threads, "Threads; 0: all processors")->capture_default_str();
  app.add_option("--isa", isa, "portable, avx2, avx512 or auto")->capture_default_str();
  app.add_option("--windows", windows, "Timed windows a shape")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    const nopad::Execution execution(
        {.num_threads = threads, .isa = nopad::vector_isa(nopad::isa_from_string(isa))});
    nopad::bench::run(execution, windows);
  } catch (const nopad::Error& error) {
    std::fprintf(stderr, "gemm_bench: %s\n", error.what());
    return 2;
  }
}
