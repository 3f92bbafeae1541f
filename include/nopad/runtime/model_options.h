// ModelOptions: how a model directory is run, whatever it is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "nopad/core/isa.h"

namespace nopad {

// What a model computes in. `automatic` is bf16 where the machine has matrix tiles, else f32.
enum class ComputeType { automatic, f32, bf16 };
// "auto", "f32" or "bf16". Throws OptionError: another name.
ComputeType compute_type_from_string(std::string_view name);

struct ModelOptions {
  ComputeType dtype = ComputeType::automatic;
  int num_threads = 0;  // 0: all that the process may use
  Isa isa = best_isa();
  // Tokens, special ones included; instead of the directory's.
  std::optional<int64_t> max_length = {};
  bool truncate = true;  // false: a longer text is an error
  // Real tokens that run at once. More of them cost memory and, once they outgrow the caches, speed.
  int64_t batch_tokens = 1024;
  bool match_special_tokens = true;  // false: "[SEP]" in a text is plain text
};

}  // namespace nopad
