// Replace: a normalizer that puts one string for every match of a pattern.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/normalizer.h"
#include "text/regex.h"

namespace nopad::text::normalizers {

class Replace final : public Normalizer {
 public:
  // pattern : taken literally; an empty one matches between all characters and at both ends
  static Replace literal(std::string_view pattern, std::string_view content);
  // `content` is taken literally: "$1" is no group.
  // Throws FormatError naming `where`: see Regex.
  static Replace regex(std::string_view pattern, std::string_view content, std::string_view where);

  // Throws LimitError: see Regex.
  void apply(NormalizedText& text) const override;

 private:
  using Matches = std::vector<Regex::Match>;
  // Two or more blanks: the one regular expression that every converted sentencepiece model has.
  struct RunsOfBlanks {};
  using Pattern = std::variant<std::string, Regex, RunsOfBlanks>;

  Replace(Pattern pattern, std::string_view content)
      : pattern_(std::move(pattern)), content_(content) {}
  Matches find_matches(std::string_view text) const;

  Pattern pattern_;
  std::string content_;
};

}  // namespace nopad::text::normalizers
