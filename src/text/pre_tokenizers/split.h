// Split: cuts pieces where a pattern is found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/pre_tokenizer.h"
#include "text/regex.h"

namespace nopad::text {

// What becomes of the places where a pattern is found. "the-final--countdown" at "-":
// `removed`              : the final countdown
// `isolated`             : the - final - - countdown
// `merged_with_previous` : the- final- - countdown
// `merged_with_next`     : the -final - -countdown
// `contiguous`           : the - final -- countdown
enum class Delimiters { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// A part of a text that matches, or does not.
struct PatternPart {
  size_t begin = 0;
  size_t end = 0;
  bool matches = false;
};

// The pieces of a text whose parts are given: all of it, in order.
// Source : `tokenizers` 0.23.3, normalizer.rs, split
std::vector<PatternPart> join_parts(std::vector<PatternPart> parts, Delimiters delimiters);

// Tells a text's parts by a string to be found as it is, or by a regular expression.
class Pattern {
 public:
  explicit Pattern(std::string literal) : pattern_(std::move(literal)) {}
  explicit Pattern(Regex regex) : pattern_(std::move(regex)) {}

  // Throws LimitError: the regular expression takes too long on this text.
  std::vector<PatternPart> find(std::string_view text) const;

 private:
  std::variant<std::string, Regex> pattern_;
};

class Split final : public PreTokenizer {
 public:
  // invert : what lies between the matches counts as the match
  Split(Pattern pattern, Delimiters delimiters, bool invert);
  // Throws LimitError: see Pattern::find.
  void apply(PreTokenizedText& text) const override;

 private:
  Pattern pattern_;
  Delimiters delimiters_;
  bool invert_;
};

}  // namespace nopad::text
