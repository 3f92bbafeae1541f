// nopad as a contender of the encoder benchmark; README.md beside this file has the protocol.
//   nopad_encoder_bench --model DIR --plan PLAN.json --threads N [--padded] [--dtype auto|f32|bf16]
// With --padded each text of a batch is as long as the longest, on the same kernels: what padding
// alone costs. Padding tokens attend and are attended there, so its rows are those of the run
// without padding.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/io/npy.h"
#include "nopad/runtime/text_encoder.h"

namespace nopad::bench {
namespace {

using Batch = std::vector<size_t>;

struct Mode {
  std::string workload;
  std::vector<std::vector<Batch>> parts;
};

struct Plan {
  std::map<std::string, std::vector<std::vector<int32_t>>> workloads;
  std::map<std::string, Mode> modes;
};

Plan load_plan(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail<FileError>(path, ": can't be opened");
  const nlohmann::json json = nlohmann::json::parse(file);
  Plan plan;
  json.at("workloads").get_to(plan.workloads);
  for (const auto& [name, mode] : json.at("modes").items()) {
    plan.modes[name] = {mode.at("workload").get<std::string>(),
                        mode.at("parts").get<std::vector<std::vector<Batch>>>()};
  }
  return plan;
}

TokenizedTexts make_batch(const std::vector<std::vector<int32_t>>& texts, const Batch& batch,
                          bool padded) {
  size_t longest = 0;
  for (const size_t index : batch) longest = std::max(longest, texts[index].size());
  TokenizedTexts out;
  for (const size_t index : batch) {
    const auto& ids = texts[index];
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    if (padded) out.ids.resize(out.ids.size() + longest - ids.size(), 0);
    out.lengths.push_back(static_cast<int64_t>(padded ? longest : ids.size()));
  }
  return out;
}

class Contender {
 public:
  Contender(TextEncoder encoder, Plan plan, bool padded)
      : encoder_(std::move(encoder)), plan_(std::move(plan)), padded_(padded) {}

  nlohmann::json run(const std::string& mode_name, size_t part) const {
    const Mode& mode = plan_.modes.at(mode_name);
    const auto& texts = plan_.workloads.at(mode.workload);
    int64_t real_tokens = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const Batch& batch : mode.parts.at(part)) {
      encoder_.encode(make_batch(texts, batch, padded_));
      for (const size_t index : batch) real_tokens += std::ssize(texts[index]);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return {{"seconds", seconds.count()}, {"real_tokens", real_tokens}};
  }

  nlohmann::json rows(const std::string& mode_name, size_t part, const std::string& path) const {
    const Mode& mode = plan_.modes.at(mode_name);
    io::NpyWriter writer(path, encoder_.dim());
    for (const Batch& batch : mode.parts.at(part)) {
      writer.append(encoder_.encode(make_batch(plan_.workloads.at(mode.workload), batch, false)));
    }
    writer.finish();
    return {{"rows", path}};
  }

 private:
  TextEncoder encoder_;
  Plan plan_;
  bool padded_;
};

void answer_requests(const Contender& contender) {
  std::string verb, mode;
  size_t part = 0;
  while (std::cin >> verb >> mode >> part) {
    std::string path;
    std::getline(std::cin, path);
    if (!path.empty()) path.erase(0, 1);  // the space before it
    const auto answer =
        verb == "rows" ? contender.rows(mode, part, path) : contender.run(mode, part);
    std::cout << answer << std::endl;
  }
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  CLI::App app("nopad as a contender of the encoder benchmark");
  std::string model, plan, dtype = "f32";
  nopad::ModelOptions options;
  const nopad::SentenceOptions sentence{.pooling = nopad::Pooling::mean, .normalize = true};
  bool padded = false;
  app.add_option("--model", model, "Model directory")->required();
  app.add_option("--plan", plan, "The driver's plan")->required();
  app.add_option("--threads", options.num_threads, "Threads")->capture_default_str();
  app.add_option("--dtype", dtype, "auto, f32 or bf16")->capture_default_str();
  app.add_flag("--padded", padded, "Pad each batch to its longest text");
  CLI11_PARSE(app, argc, argv);
  try {
    options.dtype = nopad::compute_type_from_string(dtype);
    const nopad::bench::Contender contender(nopad::TextEncoder::load(model, options, sentence),
                                            nopad::bench::load_plan(plan), padded);
    std::cout << nlohmann::json{{"ready", true}, {"version", NOPAD_VERSION}} << std::endl;
    nopad::bench::answer_requests(contender);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nopad_encoder_bench: %s\n", error.what());
    return 1;
  }
}
