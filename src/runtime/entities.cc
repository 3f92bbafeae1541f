#include "runtime/entities.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "text/unicode.h"

namespace nopad {
namespace {

// A token or a word with one class.
struct Labelled {
  size_t label = 0;
  float score = 0;
  text::Span span;
};

Labelled best_label(std::span<const float> scores, text::Span span) {
  const auto best = std::ranges::max_element(
      scores, [](float a, float b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  return {static_cast<size_t>(best - scores.begin()), *best, span};
}

std::vector<float> mean_scores(std::span<const ScoredToken> word) {
  std::vector<float> mean(word[0].scores.size());
  for (const ScoredToken& token : word) {
    for (size_t c = 0; c < mean.size(); ++c) mean[c] += token.scores[c];
  }
  for (float& score : mean) score /= static_cast<float>(word.size());
  return mean;
}

// A word's class, and where its tokens lie.
Labelled label_word(std::span<const ScoredToken> word, Aggregation aggregation) {
  const text::Span span{word.front().span.begin, word.back().span.end};
  if (aggregation == Aggregation::average) return best_label(mean_scores(word), span);
  Labelled best = best_label(word[0].scores, span);
  if (aggregation == Aggregation::first) return best;
  for (const ScoredToken& token : word.subspan(1)) {
    const Labelled other = best_label(token.scores, span);
    if (other.score > best.score) best = other;
  }
  return best;
}

std::vector<Labelled> label_words(std::span<const ScoredToken> tokens, Aggregation aggregation) {
  std::vector<Labelled> words;
  for (size_t begin = 0, end = 1; begin < tokens.size(); begin = end++) {
    while (end < tokens.size() && tokens[end].continues_word) ++end;
    words.push_back(label_word(tokens.subspan(begin, end - begin), aggregation));
  }
  return words;
}

std::vector<Labelled> label_tokens(std::span<const ScoredToken> tokens) {
  std::vector<Labelled> out;
  for (const ScoredToken& token : tokens) out.push_back(best_label(token.scores, token.span));
  return out;
}

// A label without its "B-" or "I-".
std::string_view tag_of(std::string_view label) {
  return label.starts_with("B-") || label.starts_with("I-") ? label.substr(2) : label;
}

TaggedSpan make_group(std::span<const Labelled> parts, std::string_view label) {
  double sum = 0;
  for (const Labelled& part : parts) sum += part.score;
  // What stands behind the first "-", whatever stands before it.
  return {.label = std::string(label.substr(label.find('-') + 1)),
          .score = static_cast<float>(sum / static_cast<double>(parts.size())),
          .span = {parts.front().span.begin, parts.back().span.end}};
}

std::vector<TaggedSpan> group(std::span<const Labelled> parts,
                              const std::vector<std::string>& labels) {
  std::vector<TaggedSpan> groups;
  const auto continues = [&](size_t i) {
    const std::string_view label = labels[parts[i].label];
    return !label.starts_with("B-") && tag_of(label) == tag_of(labels[parts[i - 1].label]);
  };
  for (size_t begin = 0, end = 1; begin < parts.size(); begin = end++) {
    while (end < parts.size() && continues(end)) ++end;
    groups.push_back(make_group(parts.subspan(begin, end - begin), labels[parts[begin].label]));
  }
  return groups;
}

}  // namespace

std::vector<TaggedSpan> find_entities(std::span<const ScoredToken> tokens,
                                      const std::vector<std::string>& labels,
                                      Aggregation aggregation) {
  std::vector<TaggedSpan> entities;
  if (aggregation == Aggregation::none) {
    for (const Labelled& token : label_tokens(tokens)) {
      entities.push_back({labels[token.label], token.score, token.span});
    }
  } else if (aggregation == Aggregation::simple) {
    entities = group(label_tokens(tokens), labels);
  } else {
    entities = group(label_words(tokens, aggregation), labels);
  }
  std::erase_if(entities, [](const TaggedSpan& entity) { return entity.label == "O"; });
  return entities;
}

std::vector<TaggedSpan> merge_windows(std::vector<TaggedSpan> entities, std::string_view text) {
  std::ranges::stable_sort(entities, {}, [](const TaggedSpan& e) { return e.span.begin; });
  std::vector<TaggedSpan> merged;
  const auto length = [&](const TaggedSpan& e) {
    return text::count_characters(text::slice(text, e.span));
  };
  for (TaggedSpan& entity : entities) {
    if (merged.empty() || entity.span.begin >= merged.back().span.end) {
      merged.push_back(std::move(entity));
      continue;
    }
    TaggedSpan& best = merged.back();
    const bool is_better =
        length(entity) != length(best) ? length(entity) > length(best) : entity.score > best.score;
    if (is_better) best = std::move(entity);
  }
  return merged;
}

}  // namespace nopad
