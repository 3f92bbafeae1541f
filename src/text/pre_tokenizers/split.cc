#include "text/pre_tokenizers/split.h"

#include <algorithm>
#include <utility>

#include "text/pre_tokenizers/pieces.h"

namespace nopad::text {
namespace {

// Joins a part to the one before it where `joins(part, whether the one before matches)` says so.
template <class Joins>
std::vector<PatternPart> join_neighbours(const std::vector<PatternPart>& parts, Joins&& joins) {
  std::vector<PatternPart> out;
  bool previous_matches = false;
  for (const PatternPart& part : parts) {
    if (!out.empty() && joins(part.matches, previous_matches)) {
      out.back().begin = std::min(out.back().begin, part.begin);
      out.back().end = std::max(out.back().end, part.end);
    } else {
      out.push_back(part);
    }
    previous_matches = part.matches;
  }
  return out;
}

bool joins_one_delimiter(bool matches, bool previous_matches) {
  return matches && !previous_matches;
}

}  // namespace

std::vector<PatternPart> join_parts(std::vector<PatternPart> parts, Delimiters delimiters) {
  switch (delimiters) {
    case Delimiters::removed:
      std::erase_if(parts, [](const PatternPart& part) { return part.matches; });
      break;
    case Delimiters::isolated: break;
    case Delimiters::contiguous: return join_neighbours(parts, std::equal_to<>());
    case Delimiters::merged_with_previous: return join_neighbours(parts, joins_one_delimiter);
    case Delimiters::merged_with_next:
      std::reverse(parts.begin(), parts.end());
      parts = join_neighbours(parts, joins_one_delimiter);
      std::reverse(parts.begin(), parts.end());
      break;
  }
  return parts;
}

std::vector<PatternPart> Pattern::find(std::string_view text) const {
  std::vector<PatternPart> parts;
  size_t done = 0;
  const auto add_match = [&](size_t begin, size_t end) {
    if (done < begin) parts.push_back({done, begin, false});
    parts.push_back({begin, end, true});
    done = end;
  };
  if (const auto* regex = std::get_if<Regex>(&pattern_)) {
    for (const auto& [begin, end] : regex->find_all(text)) add_match(begin, end);
  } else if (const auto& literal = std::get<std::string>(pattern_); !literal.empty()) {
    for (size_t at = text.find(literal); at != std::string_view::npos;
         at = text.find(literal, done)) {
      add_match(at, at + literal.size());
    }
  }
  if (done < text.size()) parts.push_back({done, text.size(), false});
  return parts;
}

Split::Split(Pattern pattern, Delimiters delimiters, bool invert)
    : pattern_(std::move(pattern)), delimiters_(delimiters), invert_(invert) {}

void Split::apply(PreTokenizedText& text) const {
  split_pieces(text, [&](std::string_view piece, auto&& put) {
    std::vector<PatternPart> parts = pattern_.find(piece);
    if (invert_) {
      for (PatternPart& part : parts) part.matches = !part.matches;
    }
    for (const PatternPart& part : join_parts(std::move(parts), delimiters_)) {
      put(part.begin, part.end);
    }
  });
}

}  // namespace nopad::text
