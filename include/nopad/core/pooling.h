// Pooling: how the vectors of a sequence's tokens become one vector.
#pragma once

#include <string_view>

namespace nopad {

// `cls`              the first token's
// `max`              the largest value of each component
// `mean`             the sum over the count
// `mean_sqrt_length` the sum over the square root of the count
// `weighted_mean`    the mean weighted by the position, counted from 1
// `last_token`       the last token's
enum class Pooling { cls, max, mean, mean_sqrt_length, weighted_mean, last_token };

// The names users type: "cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken", as
// sentence-transformers spells them.
std::string_view to_string(Pooling pooling) noexcept;
// Throws OptionError: not one of those names.
Pooling pooling_from_string(std::string_view name);

}  // namespace nopad
