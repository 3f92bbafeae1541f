#include "nopad/models/weight_report.h"

#include <algorithm>
#include <array>
#include <set>

#include "nopad/core/error.h"

namespace nopad::models {
namespace {

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += concat(out.empty() ? "" : ", ", name);
  return out;
}

// Values that a model computes anew: some releases saved them beside the weights.
bool is_computed(std::string_view name) {
  constexpr std::array<std::string_view, 4> kEndings = {"position_ids", "token_type_ids",
                                                        "inv_freq", "original_inv_freq"};
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::ranges::any_of(kEndings, [&](std::string_view ending) {
    return last == ending || last.ends_with(concat("_", ending));
  });
}

}  // namespace

std::string to_string(const WeightReport& report) {
  std::string out;
  const auto add = [&](std::string_view label, const std::vector<std::string>& names) {
    if (!names.empty()) out += concat(label, ": ", list(names), "\n");
  };
  add("missing", report.missing);
  add("absent, optional", report.absent_optional);
  add("unexpected, not used", report.unexpected);
  add("misshapen", report.misshapen);
  return out;
}

WeightReport compare_weights(const WeightSource& source, std::span<const ExpectedWeight> expected) {
  WeightReport report;
  std::set<std::string_view> known;
  for (const ExpectedWeight& weight : expected) {
    known.insert(weight.name);
    if (!source.contains(weight.name)) {
      (weight.is_required ? report.missing : report.absent_optional).push_back(weight.name);
    } else if (const Shape shape = source.shape(weight.name); shape != weight.shape) {
      report.misshapen.push_back(concat(weight.name, ": expected ", weight.shape, ", got ", shape));
    }
  }
  for (const std::string& name : source.names()) {
    if (!known.contains(name) && !is_computed(name)) report.unexpected.push_back(name);
  }
  std::ranges::sort(report.missing);
  std::ranges::sort(report.absent_optional);
  std::ranges::sort(report.misshapen);
  return report;
}

void expect_loadable(const WeightSource& source, std::span<const ExpectedWeight> expected) {
  const WeightReport report = compare_weights(source, expected);
  if (report.is_loadable()) return;
  const bool has_both = !report.missing.empty() && !report.misshapen.empty();
  fail<WeightError>(
      source.description(), ": ", report.missing.empty() ? "" : "missing: ", list(report.missing),
      has_both ? "; " : "", report.misshapen.empty() ? "" : "misshapen: ", list(report.misshapen));
}

}  // namespace nopad::models
