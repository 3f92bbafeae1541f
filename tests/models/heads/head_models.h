// Model directories with heads under tests/data/models, and what every head must hold on them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/recorded.h"
#include "nopad/core/execution.h"
#include "nopad/io/model_config.h"
#include "nopad/io/safetensors.h"
#include "nopad/models/encoder.h"
#include "ragged_checks.h"
#include "tolerance.h"

namespace nopad::test {

// One directory, its encoder in the current execution, and the recorded sequences as one batch.
struct HeadModel {
  explicit HeadModel(const std::string& name, nn::Compute compute = nn::Compute::f32)
      : config(io::ModelConfig::load(model_directory(name) / "config.json")),
        weights(models::open_weights(model_directory(name), models::encoder_config(config))),
        encoder(models::Encoder::load(models::encoder_config(config), *weights, compute)),
        recorded(model_directory(name) / "recorded.safetensors") {
    std::vector<RecordedSequence> sequences;
    for (size_t i = 0; recorded.contains(concat("token_ids.", i)); ++i) {
      sequences.push_back({.token_ids = recorded.load_stored(concat("token_ids.", i)),
                           .type_ids = recorded.load_stored(concat("token_type_ids.", i))});
    }
    std::vector<const RecordedSequence*> all;
    for (const RecordedSequence& sequence : sequences) all.push_back(&sequence);
    const PackedSequences batch = pack_sequences(all);
    hidden = encoder(batch.token_ids, batch.type_ids);
  }

  // Of one sequence, e.g. "logits".
  Tensor expected(std::string_view name, int64_t sequence) const {
    return recorded.load(concat(name, ".", sequence));
  }

  io::ModelConfig config;
  std::shared_ptr<const WeightSource> weights;
  models::Encoder encoder;
  io::SafetensorsFile recorded;
  RaggedTensor hidden = {};  // of all recorded sequences
};

// The names FAMILY-odd-head-TASK..., sorted.
inline std::vector<std::string> head_directories(std::string_view task) {
  const std::string part = concat("-odd-head-", task);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(model_directory(""))) {
    std::string name = entry.path().filename();
    if (name.find(part) != std::string::npos) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

// f    : RaggedTensor [T, D] to RaggedTensor [T, ...] or to Tensor [B, ...]
// name : of the recording that it must give
template <class F>
void expect_recorded(const HeadModel& model, std::string_view name, F&& f, Tolerance tolerance) {
  const auto result = f(model.hidden);
  for (int64_t b = 0; b < model.hidden.layout().num_sequences(); ++b) {
    SCOPED_TRACE(concat("sequence ", b));
    const Tensor expected = model.expected(name, b);
    expect_close(part_of(result, b).reshape(expected.shape()), expected, tolerance);
  }
}

// Logits are sums of hidden values that are right to 1e-5 each, and up to 5 or so.
inline constexpr Tolerance kF32Logits{1e-5, 1e-5};

// What make(model) makes of each directory's model gives what transformers recorded, by every
// instruction set; sequences feel no neighbours; and in bf16 the encoder alone loses precision.
template <class Make>
void expect_heads_equal_transformers(std::string_view task, std::string_view name, size_t at_least,
                                     Make&& make) {
  const std::vector<std::string> directories = head_directories(task);
  EXPECT_GE(directories.size(), at_least);
  for (const std::string& directory : directories) {
    SCOPED_TRACE(directory);
    for (const Isa isa : supported_isas()) {
      SCOPED_TRACE(to_string(isa));
      const Execution execution({.num_threads = 2, .isa = isa});
      const ExecutionScope scope(execution);
      const HeadModel model(directory);
      const auto head = make(model);
      expect_recorded(model, name, head, kF32Logits);
      expect_batch_equals_alone(head, model.hidden);
    }
    const Execution execution({.num_threads = 2, .isa = Isa::amx_emulated});
    const ExecutionScope scope(execution);
    const HeadModel model(directory, nn::Compute::bf16);
    ASSERT_EQ(model.hidden.values().dtype(), DType::bf16);
    // Sums of a dozen hidden values of order 1, each off by a few roundings to 8 bits.
    expect_recorded(model, name, make(model), {0.15, 0.05});
  }
}

}  // namespace nopad::test
