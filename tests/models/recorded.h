// Model directories under tests/data/models with what transformers computed for them, each sequence
// alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nopad/core/error.h"
#include "nopad/io/safetensors.h"
#include "nopad/ragged/layout.h"
#include "nopad/ragged/tensor.h"

namespace nopad::test {

inline std::filesystem::path model_directory(const std::string& name) {
  return std::filesystem::path(NOPAD_TEST_DATA) / "models" / name;
}

// One sequence as recorded; see tools/recording/README.md.
struct RecordedSequence {
  Tensor token_ids = {};          // [length] i32
  Tensor type_ids = {};           // [length] i32
  Tensor last_hidden_state = {};  // [length, D] f32
  Tensor pooler_output = {};      // [D] f32, empty where the model has no pooler
};

inline std::vector<RecordedSequence> load_recorded(const std::filesystem::path& directory) {
  const io::SafetensorsFile file(directory / "recorded.safetensors");
  std::vector<RecordedSequence> out;
  for (size_t i = 0; file.contains(concat("token_ids.", i)); ++i) {
    const std::string pooler = concat("pooler_output.", i);
    out.push_back({.token_ids = file.load_stored(concat("token_ids.", i)),
                   .type_ids = file.load_stored(concat("token_type_ids.", i)),
                   .last_hidden_state = file.load(concat("last_hidden_state.", i)),
                   .pooler_output = file.contains(pooler) ? file.load(pooler) : Tensor()});
  }
  return out;
}

// Sequences end to end, as a model takes them.
struct PackedSequences {
  RaggedTensor token_ids;
  Tensor type_ids = {};
};

inline PackedSequences pack_sequences(const std::vector<const RecordedSequence*>& sequences) {
  std::vector<int32_t> ids, types;
  std::vector<int64_t> lengths;
  for (const RecordedSequence* sequence : sequences) {
    const auto own = sequence->token_ids.values<int32_t>();
    const auto own_types = sequence->type_ids.values<int32_t>();
    ids.insert(ids.end(), own.begin(), own.end());
    types.insert(types.end(), own_types.begin(), own_types.end());
    lengths.push_back(std::ssize(own));
  }
  const auto layout = RaggedLayout::from_lengths(lengths);
  return {RaggedTensor(Tensor::from_values<int32_t>(ids, {layout.num_tokens()}), layout),
          Tensor::from_values<int32_t>(types, {layout.num_tokens()})};
}

}  // namespace nopad::test
