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

// All three sorted by name. Misshapen ones read "name: expected [2, 3], got [3, 2]".
struct WeightReport {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
  std::vector<std::string> misshapen;

  bool is_loadable() const noexcept { return missing.empty() && misshapen.empty(); }
};

WeightReport compare_weights(const WeightSource& source, std::span<const ExpectedWeight> expected);

// Throws WeightError naming the source and every tensor that is missing or misshapen.
void expect_loadable(const WeightSource& source, std::span<const ExpectedWeight> expected);

}  // namespace nopad::models
