// The tokenizer's speed on one thread: tokenizer_bench MODEL_DIR LINES [--benchmark_...]
//
// LINES is a text file; tokenizer_versus_package.py times the `tokenizers` package on the same
// lines.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/io/file.h"
#include "nopad/text/tokenizer.h"

namespace {

using nopad::text::Tokenizer;

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t length = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines;
}

void report(benchmark::State& state, const std::vector<std::string>& texts, int64_t num_tokens) {
  int64_t num_bytes = 0;
  for (const std::string& text : texts) num_bytes += static_cast<int64_t>(text.size());
  state.SetBytesProcessed(state.iterations() * num_bytes);
  state.SetItemsProcessed(state.iterations() * num_tokens);
  state.counters["tokens"] = static_cast<double>(num_tokens);
}

void append_ids(benchmark::State& state, const Tokenizer& tokenizer,
                const std::vector<std::string>& texts) {
  std::vector<int32_t> ids, type_ids;
  for ([[maybe_unused]] auto round : state) {
    ids.clear();
    type_ids.clear();
    for (const std::string& text : texts) tokenizer.append(text, {}, ids, type_ids);
    benchmark::DoNotOptimize(ids.data());
  }
  report(state, texts, std::ssize(ids));
}

void encode_with_spans(benchmark::State& state, const Tokenizer& tokenizer,
                       const std::vector<std::string>& texts) {
  int64_t num_tokens = 0;
  for ([[maybe_unused]] auto round : state) {
    num_tokens = 0;
    for (const std::string& text : texts) num_tokens += std::ssize(tokenizer.encode(text).ids);
  }
  report(state, texts, num_tokens);
}

std::string repeat(std::string_view unit, size_t num_bytes) {
  std::string text;
  while (text.size() + unit.size() <= num_bytes) text += unit;
  return text;
}

// What some tokenizers take quadratic time for: 1 MB of one thing.
void register_monotone(const Tokenizer& tokenizer) {
  constexpr std::pair<const char*, std::string_view> kUnits[] = {
      {"one_char", "a"},        {"spaces", " "},
      {"carets", "^"},          {"marks", "\u0301"},
      {"kept_marks", "\u302e"}, {"arabic_ligature", "\ufdfa"},
      {"chinese", "\u4e2d"},    {"emoji", "\U0001f469\u200d\U0001f4bb"},
      {"hangul", "\uac01"},     {"words_of_100", "unaffable"}};
  for (const auto& [name, unit] : kUnits) {
    for (const size_t num_bytes : {size_t{50'000}, size_t{1'000'000}}) {
      std::vector<std::string> texts{repeat(unit, num_bytes)};
      benchmark::RegisterBenchmark(
          ("monotone/" + std::string(name) + "/" + std::to_string(num_bytes)).c_str(),
          [&tokenizer, texts](benchmark::State& state) { append_ids(state, tokenizer, texts); });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 3) {
    std::cerr << "Usage: tokenizer_bench MODEL_DIR LINES [--benchmark_...]\n";
    return 2;
  }
  try {
    const Tokenizer tokenizer = Tokenizer::load(argv[1]);
    const auto lines = split_lines(nopad::io::read_file(argv[2], uint64_t{1} << 32));
    benchmark::RegisterBenchmark("load", [&](benchmark::State& state) {
      for ([[maybe_unused]] auto round : state) benchmark::DoNotOptimize(Tokenizer::load(argv[1]));
    })->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(
        "append", [&](benchmark::State& state) { append_ids(state, tokenizer, lines); });
    benchmark::RegisterBenchmark(
        "encode", [&](benchmark::State& state) { encode_with_spans(state, tokenizer, lines); });
    register_monotone(tokenizer);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
