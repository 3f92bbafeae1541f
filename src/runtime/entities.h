// Entities: from what a token classifier says of each token to what it says of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/runtime/token_tagger.h"

namespace nopad {

// A token of a text.
struct ScoredToken {
  text::Span span;
  std::span<const float> scores;  // [C], shares of one
  bool continues_word = false;
};

// labels : [C]
// return : in the order of the tokens; those of the label "O" are left out
// Edge   : no tokens, no entities; a NaN is never the best score while there are others
// Source : TokenClassificationPipeline.aggregate, and postprocess with ignore_labels ["O"]
std::vector<TaggedSpan> find_entities(std::span<const ScoredToken> tokens,
                                      const std::vector<std::string>& labels,
                                      Aggregation aggregation);

// The entities of all windows over a text, sorted by where they begin: of those that overlap that of
// the most characters, of equal ones the surest.
// Source : TokenClassificationPipeline.aggregate_overlapping_entities
std::vector<TaggedSpan> merge_windows(std::vector<TaggedSpan> entities, std::string_view text);

}  // namespace nopad
