// The share of the FMA peak that a whole encoder reaches on real tokens, the peak measured beside it.
//   encoder_share_bench --model DIR --texts FILE [--batch 32] [--threads N] [--isa NAME] [--rounds N]
// Lines of FILE are encoded in the order in which they stand, in batches of --batch; before each batch all
// threads measure the multiply-add peak. Counted are the multiply-adds of linear layers and attention over
// real tokens; everything else the encoder does costs time and counts nothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/fma_peak.h"
#include "nopad/core/error.h"
#include "nopad/models/encoder_config.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::bench {
namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail<FileError>(path, ": can't be opened");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

double flops_of(const models::EncoderConfig& config, const TokenizedTexts& batch) {
  const auto hidden = static_cast<double>(config.hidden_size);
  const auto inner = static_cast<double>(config.intermediate_size);
  const double products = config.is_gated ? 6 : 4;  // of the feed-forward network
  double flops = 0;
  for (const int64_t length : batch.lengths) {
    const auto tokens = static_cast<double>(length);
    flops +=
        tokens * (8 * hidden * hidden + products * hidden * inner) + 4 * hidden * tokens * tokens;
  }
  return flops * static_cast<double>(config.layers.size());
}

double peak_of_all_threads(const Execution& execution) {
  std::atomic<double> sum = 0;
  const auto measure = [&](int64_t, int64_t) { sum += measure_fma_peak(execution.isa()); };
  execution.threads().parallel_for(execution.threads().num_threads(), 1, measure);
  return sum;
}

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void run(const TextEncoder& encoder, const models::EncoderConfig& config,
         const std::vector<std::string>& lines, size_t batch_size, int rounds) {
  std::vector<double> peaks, rates;
  double tokens = 0, seconds = 0;
  for (int round = 0; round < rounds; ++round) {
    for (size_t begin = 0; begin < lines.size(); begin += batch_size) {
      const TokenizedTexts batch = encoder.tokenize(
          std::span(lines).subspan(begin, std::min(batch_size, lines.size() - begin)));
      peaks.push_back(peak_of_all_threads(encoder.execution()));
      const auto start = std::chrono::steady_clock::now();
      encoder.encode(batch);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      rates.push_back(flops_of(config, batch) / elapsed.count() / 1e9);
      tokens += static_cast<double>(batch.ids.size());
      seconds += elapsed.count();
    }
  }
  const double peak = quantile(peaks, 0.9);
  std::printf("isa %s, %d threads, %zu batches of %zu\n",
              std::string(to_string(encoder.execution().isa())).c_str(),
              encoder.execution().threads().num_threads(), rates.size(), batch_size);
  std::printf(
      "peak %.1f GFLOP/s; encoder: median %.1f (%.1f %%), best tenth %.1f (%.1f %%); %.0f "
      "tokens/s\n",
      peak, quantile(rates, 0.5), 100 * quantile(rates, 0.5) / peak, quantile(rates, 0.9),
      100 * quantile(rates, 0.9) / peak, tokens / seconds);
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  CLI::App app("The share of the FMA peak that a whole encoder reaches on real tokens");
  std::string model, texts, isa = "auto";
  nopad::ModelOptions options{.dtype = nopad::ComputeType::f32};
  size_t batch = 32;
  int rounds = 3;
  app.add_option("--model", model, "Model directory")->required();
  app.add_option("--texts", texts, "One text per line")->required();
  app.add_option("--batch", batch, "Texts a batch")->capture_default_str();
  app.add_option("--threads", options.num_threads, "Threads; 0: all")->capture_default_str();
  app.add_option("--isa", isa, "portable, avx2, avx512 or auto")->capture_default_str();
  app.add_option("--rounds", rounds, "Times that all texts are encoded")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    options.isa = nopad::vector_isa(nopad::isa_from_string(isa));
    const auto config =
        nopad::models::encoder_config(nopad::io::ModelConfig::load(model + "/config.json"));
    options.max_length = config.max_tokens();
    const auto encoder =
        nopad::TextEncoder::load(model, options, {.pooling = nopad::Pooling::mean});
    nopad::bench::run(encoder, config, nopad::bench::read_lines(texts), batch, rounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "encoder_share_bench: %s\n", error.what());
    return 1;
  }
}
