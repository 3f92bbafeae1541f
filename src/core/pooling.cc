#include "nopad/core/pooling.h"

#include <array>
#include <utility>

#include "nopad/core/error.h"

namespace nopad {
namespace {

constexpr std::array<std::pair<Pooling, std::string_view>, 6> kNames = {
    {{Pooling::cls, "cls"},
     {Pooling::max, "max"},
     {Pooling::mean, "mean"},
     {Pooling::mean_sqrt_length, "mean_sqrt_len"},
     {Pooling::weighted_mean, "weightedmean"},
     {Pooling::last_token, "lasttoken"}}};

}  // namespace

std::string_view to_string(Pooling pooling) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == pooling) return name;
  }
  return "?";
}

Pooling pooling_from_string(std::string_view text) {
  for (const auto& [value, name] : kNames) {
    if (name == text) return value;
  }
  fail<OptionError>(
      "pooling: expected cls, max, mean, mean_sqrt_len, weightedmean or lasttoken, got ", text);
}

}  // namespace nopad
