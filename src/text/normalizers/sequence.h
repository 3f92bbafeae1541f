// Sequence: normalizers, one after the other.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "text/normalizer.h"

namespace nopad::text::normalizers {

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const Normalizer>> steps)
      : steps_(std::move(steps)) {}
  void apply(NormalizedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

}  // namespace nopad::text::normalizers
