#include "nopad/models/weight_report.h"

#include <algorithm>
#include <set>

#include "nopad/core/error.h"

namespace nopad::models {
namespace {

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += concat(out.empty() ? "" : ", ", name);
  return out;
}

}  // namespace

WeightReport compare_weights(const WeightSource& source, std::span<const ExpectedWeight> expected) {
  WeightReport report;
  std::set<std::string_view> known;
  for (const ExpectedWeight& weight : expected) {
    known.insert(weight.name);
    if (!source.contains(weight.name)) {
      if (weight.is_required) report.missing.push_back(weight.name);
    } else if (const Shape shape = source.shape(weight.name); shape != weight.shape) {
      report.misshapen.push_back(concat(weight.name, ": expected ", weight.shape, ", got ", shape));
    }
  }
  for (const std::string& name : source.names()) {
    if (!known.contains(name)) report.unexpected.push_back(name);
  }
  std::ranges::sort(report.missing);
  std::ranges::sort(report.misshapen);
  return report;
}

void expect_loadable(const WeightSource& source, std::span<const ExpectedWeight> expected) {
  const WeightReport report = compare_weights(source, expected);
  if (!report.missing.empty()) {
    fail<WeightError>(source.description(), ": missing: ", list(report.missing));
  }
  if (!report.misshapen.empty()) {
    fail<WeightError>(source.description(), ": misshapen: ", list(report.misshapen));
  }
}

}  // namespace nopad::models
