// Weights in memory by their names, for heads that no file holds.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/weight_source.h"

namespace nopad::test {

class NamedWeights final : public WeightSource {
 public:
  explicit NamedWeights(std::map<std::string, Tensor, std::less<>> tensors)
      : tensors_(std::move(tensors)) {}

  bool contains(std::string_view name) const override { return tensors_.contains(name); }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, tensor] : tensors_) out.push_back(name);
    return out;
  }
  Shape shape(std::string_view name) const override { return load(name).shape(); }
  Tensor load(std::string_view name) const override { return tensors_.find(name)->second; }
  std::string description() const override { return "weights"; }

 private:
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace nopad::test
