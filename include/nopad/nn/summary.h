// Summary: what a model consists of, its shapes, and where its masks begin and end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nopad/nn/layer.h"
#include "nopad/nn/value.h"

namespace nopad::nn {

struct SummaryRow {
  std::string name = {};                 // "lstm"
  std::string kind = {};                 // "LSTM"; empty: an input
  std::vector<std::string> inputs = {};  // the names of the rows that it takes
  std::vector<Spec> outputs = {};
  int64_t num_trained = 0;
  // "made", "passed", "used, passed", "used, ends", "re-laid", "dropped", or nothing
  std::string mask = {};
};

struct Summary {
  std::vector<SummaryRow> rows = {};
  int64_t num_trained = 0, num_fixed = 0;
};
// A table, a line per row.
std::string to_string(const Summary& summary);

// For those who make one: a row of one call, and the totals of a model.
SummaryRow summary_row(const Layer& layer, std::string name, std::vector<std::string> inputs,
                       std::span<const Spec> input_specs, std::span<const Spec> output_specs);
Summary summarize(const Layer& model, std::vector<SummaryRow> rows);

// What a layer did to the mask, from what it took and gave.
std::string describe_mask(MaskRule rule, std::span<const Spec> inputs,
                          std::span<const Spec> outputs);

}  // namespace nopad::nn
