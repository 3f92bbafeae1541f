// nopad as a contender of the LSTM benchmark; README.md beside this file has the protocol.
//   nopad_lstm_bench --data DATA.safetensors --threads N [--input-gradient]
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/core/execution.h"
#include "nopad/io/safetensors.h"
#include "nopad/ops/linear.h"
#include "nopad/ops/recurrent.h"

namespace nopad::bench {
namespace {

// A bidirectional LSTM layer, as a layer would hold it.
struct Lstm {
  Tensor weight_ih;  // [8U, 768] forward's rows before backward's
  Tensor weight_hh;  // [2, 4U, U]
  Tensor bias;       // [8U]

  Tensor operator()(const Tensor& x, const RaggedLayout& layout) const {
    return ops::lstm_recurrence({ops::linear(x, weight_ih, bias), layout}, weight_hh, {}, {},
                                {.direction = ops::Direction::bidirectional})
        .output.values();
  }
};

// A line of /proc/self/status in MB, e.g. "VmRSS:".
double memory_mb(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size())) / 1024;
  }
  fail<FileError>("/proc/self/status: expected ", field);
}

class Contender {
 public:
  Contender(const io::SafetensorsFile& data, bool input_gradient)
      : layout_(RaggedLayout::from_lengths(data.load_stored("lengths").values<int64_t>())),
        x_(data.load("x")),
        d_output_(data.load("d_output")) {
    const int64_t units = d_output_.dim(1) / 2;
    lstm_ = {data.load("weight_ih").reshape({8 * units, x_.dim(1)}), data.load("weight_hh"),
             data.load("bias").reshape({8 * units})};
    for (Tensor* parameter : {&lstm_.weight_ih, &lstm_.weight_hh, &lstm_.bias}) {
      autograd::require_grad(*parameter);
    }
    if (input_gradient) autograd::require_grad(x_);
  }

  Tensor forward() const {
    const autograd::NoGradScope no_grad;
    return lstm_(x_, layout_);
  }
  autograd::Gradients train() const { return autograd::backward(lstm_(x_, layout_), d_output_); }

  void write_results(const std::string& path) const {
    const autograd::Gradients d = train();
    const int64_t units = d_output_.dim(1) / 2;
    io::write_safetensors(
        path, {{"output", forward()},
               {"d_weight_ih", d.of(lstm_.weight_ih).reshape({2, 4 * units, x_.dim(1)})},
               {"d_weight_hh", d.of(lstm_.weight_hh)},
               {"d_bias", d.of(lstm_.bias).reshape({2, 4 * units})}});
  }

 private:
  RaggedLayout layout_;
  Tensor x_, d_output_;
  Lstm lstm_;
};

template <class F>
double seconds_of(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

nlohmann::json answer(const Contender& contender, const std::string& verb,
                      const std::string& path) {
  if (verb == "forward") return {{"seconds", seconds_of([&] { contender.forward(); })}};
  if (verb == "train") return {{"seconds", seconds_of([&] { contender.train(); })}};
  if (verb == "memory") {
    const double before = memory_mb("VmRSS:");
    contender.train();
    return {{"before_mb", before}, {"peak_mb", memory_mb("VmHWM:")}};
  }
  if (verb != "results") fail<InputError>("request: expected a verb of the protocol, got ", verb);
  contender.write_results(path);
  return {{"results", path}};
}

void answer_requests(const Contender& contender) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb, path;
    words >> verb >> std::ws;
    std::getline(words, path);
    std::cout << answer(contender, verb, path) << std::endl;
  }
}

}  // namespace
}  // namespace nopad::bench

int main(int argc, char** argv) {
  CLI::App app("nopad as a contender of the LSTM benchmark");
  std::string data;
  int threads = 2;
  bool input_gradient = false;
  app.add_option("--data", data, "The driver's data")->required();
  app.add_option("--threads", threads, "Threads")->capture_default_str();
  app.add_flag("--input-gradient", input_gradient, "Train with a gradient of the input, too");
  CLI11_PARSE(app, argc, argv);
  try {
    const nopad::Execution execution({.num_threads = threads});
    const nopad::ExecutionScope scope(execution);
    const nopad::bench::Contender contender(nopad::io::SafetensorsFile(data), input_gradient);
    std::cout << nlohmann::json{{"ready", true}, {"version", NOPAD_VERSION}} << std::endl;
    nopad::bench::answer_requests(contender);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nopad_lstm_bench: %s\n", error.what());
    return 1;
  }
}
