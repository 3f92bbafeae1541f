// WeightReport: how the tensors of a checkpoint compare with what a model wants.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/shape.h"
#include "nopad/core/weight_source.h"

namespace nopad::models {

struct ExpectedWeight {
  std::string name;
  Shape shape;
  bool is_required = true;  // false: a part that checkpoints may leave out, such as BERT's pooler
};

// What from_pretrained of transformers reports, all sorted by name.
struct WeightReport {
  std::vector<std::string> missing;          // required, and not there
  std::vector<std::string> absent_optional;  // not there, and not required
  // There, and not asked for. Tables that are computed and only happened to be saved (position ids,
  // rotary frequencies) are none of these.
  std::vector<std::string> unexpected;
  std::vector<std::string> misshapen;  // "name: expected [2, 3], got [3, 2]"

  bool is_loadable() const noexcept { return missing.empty() && misshapen.empty(); }
};

// A line for each list that is not empty: "missing: a, b", "absent, optional: ...",
// "unexpected, not used: ...", "misshapen: ...".
std::string to_string(const WeightReport& report);

WeightReport compare_weights(const WeightSource& source, std::span<const ExpectedWeight> expected);

// Throws WeightError naming the source and every tensor that is missing or misshapen:
// "model.safetensors: missing: a, b; misshapen: c: expected [2], got [3]".
void expect_loadable(const WeightSource& source, std::span<const ExpectedWeight> expected);

}  // namespace nopad::models
