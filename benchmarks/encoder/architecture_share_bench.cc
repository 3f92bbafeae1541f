// The share of the FMA peak that each architecture reaches at equal sizes, beside BERT's.
//   architecture_share_bench [--hidden 768] [--layers 6] [--heads 12] [--threads N] [--isa NAME] [--rounds N]
// Random weights, one batch of 1,024 tokens in texts of unequal length. In every round each architecture
// runs once, after a measurement of all threads' multiply-add peak. Counted are the multiply-adds of linear
// layers and of attention over the pairs of tokens that see each other; the rest costs time and counts
// nothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/fma_peak.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/encoder.h"
#include "nopad/ragged/tensor.h"

namespace nopad::bench {
namespace {

// Every text's length; 1,024 tokens in all.
constexpr std::array<int64_t, 12> kLengths = {12, 38, 71, 94, 205, 17, 131, 56, 9, 250, 83, 58};

struct Sizes {
  int64_t hidden = 768;
  int64_t layers = 6;
  int64_t heads = 12;
  // Of the same arithmetic: two products of 4 D, or three of 8/3 D.
  int64_t inner() const { return 4 * hidden; }
  int64_t gated_inner() const { return 8 * hidden / 3; }
};

// A config.json of each kind of computation.
std::vector<std::pair<std::string, std::string>> make_configs(const Sizes& s) {
  const auto common = [&](std::string_view type, int64_t inner) {
    return concat(R"("model_type":")", type, R"(","vocab_size":4096,"hidden_size":)", s.hidden,
                  R"(,"num_hidden_layers":)", s.layers, R"(,"num_attention_heads":)", s.heads,
                  R"(,"intermediate_size":)", inner);
  };
  const auto object = [](const std::string& keys) { return concat("{", keys, "}"); };
  const std::string bert = common("bert", s.inner());
  return {
      {"bert", object(bert)},
      {"bert, relative_key", object(concat(bert, R"(,"position_embedding_type":"relative_key")"))},
      {"bert, relative_key_query",
       object(concat(bert, R"(,"position_embedding_type":"relative_key_query")"))},
      {"roberta", object(common("roberta", s.inner()))},
      {"albert", object(concat(common("albert", s.inner()), R"(,"embedding_size":128)"))},
      {"distilbert",
       concat(R"({"model_type":"distilbert","vocab_size":4096,"dim":)", s.hidden, R"(,"n_layers":)",
              s.layers, R"(,"n_heads":)", s.heads, R"(,"hidden_dim":)", s.inner(), "}")},
      {"mpnet", object(common("mpnet", s.inner()))},
      {"electra", object(concat(common("electra", s.inner()), R"(,"embedding_size":128)"))},
      {"modernbert", object(concat(common("modernbert", s.gated_inner()), R"(,"pad_token_id":0)"))},
      {"nomic_bert", object(common("nomic_bert", s.gated_inner()))},
      {"gte", object(common("gte", s.gated_inner()))}};
}

class RandomWeights final : public WeightSource {
 public:
  explicit RandomWeights(const std::vector<models::ExpectedWeight>& weights) {
    for (const models::ExpectedWeight& weight : weights) shapes_[weight.name] = weight.shape;
  }
  bool contains(std::string_view name) const override {
    return shapes_.contains(std::string(name));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, shape] : shapes_) out.push_back(name);
    return out;
  }
  Shape shape(std::string_view name) const override { return shapes_.at(std::string(name)); }
  Tensor load(std::string_view name) const override {
    Tensor out = Tensor::zeros(shape(name), DType::f32);
    const auto values = out.mutable_values<float>();
    if (out.rank() == 1) {
      if (name.ends_with("weight")) std::ranges::fill(values, 1.0f);
      return out;
    }
    std::mt19937 random(static_cast<uint32_t>(std::hash<std::string_view>()(name)));
    std::normal_distribution<float> normal(0, 0.02f);
    for (float& value : values) value = normal(random);
    return out;
  }
  std::string description() const override { return "random weights"; }

 private:
  std::map<std::string, Shape> shapes_;
};

double flops_of(const models::EncoderConfig& config) {
  const auto hidden = static_cast<double>(config.hidden_size);
  const auto inner = static_cast<double>(config.intermediate_size);
  const double of_token = 8 * hidden * hidden + (config.is_gated ? 6 : 4) * hidden * inner;
  double flops = 0;
  for (const models::EncoderConfig::Layer& layer : config.layers) {
    for (const int64_t length : kLengths) {
      const int64_t window = layer.window.value_or(length);
      for (int64_t i = 0; i < length; ++i) {
        const int64_t seen = std::min(i, window) + std::min(length - 1 - i, window) + 1;
        flops += of_token + 4 * hidden * static_cast<double>(seen);
      }
    }
  }
  return flops;
}

struct Contender {
  std::string name;
  models::Encoder encoder;
  double flops;
  std::vector<double> rates = {};
};

Contender make_contender(const std::string& name, const std::string& json) {
  const auto config = models::encoder_config(io::ModelConfig::parse(json, name));
  const RandomWeights weights(models::Encoder::expected_weights(config));
  return {name, models::Encoder::load(config, weights, nn::Compute::f32), flops_of(config)};
}

RaggedTensor make_ids() {
  const auto layout = RaggedLayout::from_lengths(kLengths);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < layout.num_tokens(); ++i) {
    ids.push_back(static_cast<int32_t>(2 + (i * 37) % 4000));
  }
  return RaggedTensor(Tensor::from_values<int32_t>(ids, {layout.num_tokens()}), layout);
}

double peak_of_all_threads(const Execution& execution) {
  std::atomic<double> sum = 0;
  const auto measure = [&](int64_t, int64_t) { sum += measure_fma_peak(execution.isa()); };
  execution.threads().parallel_for(execution.threads().num_threads(), 1, measure);
  return sum;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

void run(const Sizes& sizes, const Execution& execution, int rounds) {
  const ExecutionScope scope(execution);
  const autograd::NoGradScope no_grad;
  std::vector<Contender> contenders;
  for (const auto& [name, json] : make_configs(sizes)) {
    contenders.push_back(make_contender(name, json));
  }
  const RaggedTensor ids = make_ids();
  std::vector<double> peaks;
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    for (Contender& contender : contenders) {
      const double peak = peak_of_all_threads(execution);
      const auto start = std::chrono::steady_clock::now();
      contender.encoder(ids);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (round < 0) continue;
      peaks.push_back(peak);
      contender.rates.push_back(contender.flops / elapsed.count() / 1e9);
    }
  }
  const double peak = median(peaks), bert = median(contenders.front().rates);
  std::printf("isa %s, %d threads, hidden %ld, %ld layers, %ld tokens, peak %.1f GFLOP/s\n",
              std::string(to_string(execution.isa())).c_str(), execution.threads().num_threads(),
              static_cast<long>(sizes.hidden), static_cast<long>(sizes.layers),
              static_cast<long>(ids.layout().num_tokens()), peak);
  for (const Contender& contender : contenders) {
    const double rate = median(contender.rates);
    std::printf("%-26s %7.1f GFLOP/s  %5.1f %% of the peak  %.3f of bert\n", contender.name.c_str(),
                rate, 100 * rate / peak, rate / bert);
  }
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  CLI::App app("The share of the FMA peak that each architecture reaches at equal sizes");
  nopad::bench::Sizes sizes;
  std::string isa = "auto";
  int threads = 0, rounds = 15;
  app.add_option("--hidden", sizes.hidden, "Width, a multiple of 3")->capture_default_str();
  app.add_option("--layers", sizes.layers, "Layers")->capture_default_str();
  app.add_option("--heads", sizes.heads, "Attention heads")->capture_default_str();
  app.add_option("--threads", threads, "Threads; 0: all")->capture_default_str();
  app.add_option("--isa", isa, "portable, avx2, avx512 or auto")->capture_default_str();
  app.add_option("--rounds", rounds, "Times that each encoder runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    const nopad::Execution execution(
        {.num_threads = threads, .isa = nopad::vector_isa(nopad::isa_from_string(isa))});
    nopad::bench::run(sizes, execution, rounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "architecture_share_bench: %s\n", error.what());
    return 1;
  }
}
