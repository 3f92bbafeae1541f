#include "nopad/nn/summary.h"

#include <algorithm>
#include <array>

#include "nopad/core/error.h"

namespace nopad::nn {
namespace {

using Cells = std::array<std::string, 5>;

std::string join_all(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

Cells cells_of(const SummaryRow& row) {
  std::vector<std::string> outputs;
  for (const Spec& spec : row.outputs) outputs.push_back(to_string(spec));
  const std::string name = row.kind.empty() ? row.name : row.name + " (" + row.kind + ")";
  return {name, join_all(outputs), std::to_string(row.num_trained), row.mask, join_all(row.inputs)};
}

std::string line(const Cells& cells, const std::array<size_t, 5>& widths) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    out += cells[i] + std::string(widths[i] - cells[i].size() + 2, ' ');
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

}  // namespace

std::string describe_mask(MaskRule rule, std::span<const Spec> inputs,
                          std::span<const Spec> outputs) {
  const auto before = std::ranges::find_if(inputs, &Spec::is_ragged);
  const auto after = std::ranges::find_if(outputs, &Spec::is_ragged);
  if (before == inputs.end()) return after == outputs.end() ? "" : "made";
  if (after == outputs.end()) return rule == MaskRule::drops ? "dropped" : "used, ends";
  const bool is_kept = std::ranges::any_of(
      inputs, [&](const Spec& spec) { return spec.is_ragged && spec.layout == after->layout; });
  if (!is_kept) return "re-laid";
  return rule == MaskRule::passes ? "passed" : "used, passed";
}

SummaryRow summary_row(const Layer& layer, std::string name, std::vector<std::string> inputs,
                       std::span<const Spec> input_specs, std::span<const Spec> output_specs) {
  return {.name = std::move(name),
          .kind = layer.kind(),
          .inputs = std::move(inputs),
          .outputs = {output_specs.begin(), output_specs.end()},
          .num_trained = layer.num_trained(),
          .mask = describe_mask(layer.mask_rule(), input_specs, output_specs)};
}

Summary summarize(const Layer& model, std::vector<SummaryRow> rows) {
  Summary summary{std::move(rows), model.num_trained(), 0};
  for (const auto& [name, parameter] : model.parameters()) {
    if (!parameter.is_trained()) summary.num_fixed += parameter->num_elements();
  }
  return summary;
}

std::string to_string(const Summary& summary) {
  std::vector<Cells> table{{"layer", "output", "trained", "mask", "from"}};
  std::ranges::transform(summary.rows, std::back_inserter(table), cells_of);
  std::array<size_t, 5> widths{};
  for (const Cells& cells : table) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string out;
  for (const Cells& cells : table) out += line(cells, widths);
  return out + concat("trained: ", summary.num_trained, ", fixed: ", summary.num_fixed, "\n");
}

}  // namespace nopad::nn
