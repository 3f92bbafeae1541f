#include "runtime/entities.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace nopad {

void PrintTo(const TaggedSpan& entity, std::ostream* out) {
  *out << entity.label << " " << entity.score << " " << entity.span.begin << "-" << entity.span.end;
}

namespace {

using Entities = std::vector<TaggedSpan>;

const std::vector<std::string> kLabels = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"};
enum Label { kO, kBPer, kIPer, kBLoc, kILoc };

// Tokens of one byte with a blank behind each word. The label has the score, the others share the
// rest.
class Tokens {
 public:
  Tokens& word(Label label, float score) { return add(label, score, false); }
  Tokens& piece(Label label, float score) { return add(label, score, true); }

  Entities find(Aggregation aggregation) const {
    std::vector<ScoredToken> tokens = tokens_;
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i].scores = scores_[i];
    return find_entities(tokens, kLabels, aggregation);
  }

 private:
  Tokens& add(Label label, float score, bool continues) {
    if (!continues && !tokens_.empty()) ++end_;
    tokens_.push_back({.span = {end_, end_ + 1}, .scores = {}, .continues_word = continues});
    ++end_;
    std::array<float, 5> scores;
    scores.fill((1 - score) / 4);
    scores[label] = score;
    scores_.push_back(scores);
    return *this;
  }

  std::vector<ScoredToken> tokens_;
  std::vector<std::array<float, 5>> scores_;
  int64_t end_ = 0;
};

TEST(Entities, WithoutAggregationEachTokenIsOneUnlessItIsOutside) {
  const Tokens tokens = Tokens().word(kO, 0.5F).word(kBPer, 0.75F).piece(kIPer, 0.5F);
  EXPECT_EQ(tokens.find(Aggregation::none),
            (Entities{{"B-PER", 0.75F, {2, 3}}, {"I-PER", 0.5F, {3, 4}}}));
}

TEST(Entities, NeighboursOfOneTagAreOneEntity) {
  const Tokens tokens =
      Tokens().word(kBPer, 0.75F).piece(kIPer, 0.5F).word(kIPer, 0.25F).word(kO, 0.5F);
  EXPECT_EQ(tokens.find(Aggregation::simple), (Entities{{"PER", 0.5F, {0, 4}}}));
}

TEST(Entities, ABeginningAndAnotherTagBeginAnother) {
  const Tokens tokens =
      Tokens().word(kIPer, 0.5F).word(kBPer, 0.75F).word(kILoc, 0.5F).word(kILoc, 0.5F);
  EXPECT_EQ(tokens.find(Aggregation::simple),
            (Entities{{"PER", 0.5F, {0, 1}}, {"PER", 0.75F, {2, 3}}, {"LOC", 0.5F, {4, 7}}}));
}

TEST(Entities, WhatIsOutsideParts) {
  const Tokens tokens = Tokens().word(kIPer, 0.5F).word(kO, 0.5F).word(kIPer, 0.5F);
  EXPECT_EQ(tokens.find(Aggregation::simple),
            (Entities{{"PER", 0.5F, {0, 1}}, {"PER", 0.5F, {4, 5}}}));
}

TEST(Entities, AWordTakesItsFirstTokensLabel) {
  const Tokens tokens = Tokens().word(kBPer, 0.5F).piece(kBLoc, 0.75F).piece(kO, 0.75F);
  EXPECT_EQ(tokens.find(Aggregation::first), (Entities{{"PER", 0.5F, {0, 3}}}));
}

TEST(Entities, AWordTakesItsSurestTokensLabel) {
  const Tokens tokens = Tokens().word(kBPer, 0.5F).piece(kBLoc, 0.75F).piece(kO, 0.75F);
  EXPECT_EQ(tokens.find(Aggregation::max), (Entities{{"LOC", 0.75F, {0, 3}}}));
}

TEST(Entities, AWordTakesTheLabelOfItsMeanScores) {
  // B-PER: (0.5 + 0.0625 + 0.625) / 3, I-PER: (0.125 + 0.75 + 0.09375) / 3
  const Tokens tokens = Tokens().word(kBPer, 0.5F).piece(kIPer, 0.75F).piece(kBPer, 0.625F);
  const Entities entities = tokens.find(Aggregation::average);
  ASSERT_EQ(entities.size(), 1u);
  EXPECT_EQ(entities[0].label, "PER");
  EXPECT_FLOAT_EQ(entities[0].score, 1.1875F / 3);
  EXPECT_EQ(entities[0].span, (text::Span{0, 3}));
}

TEST(Entities, WordsOfOneTagAreJoinedToo) {
  const Tokens tokens = Tokens().word(kBPer, 0.75F).piece(kO, 0.5F).word(kIPer, 0.25F);
  EXPECT_EQ(tokens.find(Aggregation::first), (Entities{{"PER", 0.5F, {0, 4}}}));
}

TEST(Entities, APieceAtTheFrontIsAWord) {
  EXPECT_EQ(Tokens().piece(kBLoc, 0.5F).find(Aggregation::max), (Entities{{"LOC", 0.5F, {0, 1}}}));
}

TEST(Entities, LabelsWithoutBeginAndInsideAreTags) {
  const std::vector<std::string> labels = {"noun", "ADJ-x"};
  const std::array<float, 2> noun = {0.75F, 0.25F}, adjective = {0.25F, 0.75F};
  const std::vector<ScoredToken> tokens = {{{0, 1}, noun}, {{2, 3}, noun}, {{4, 5}, adjective}};
  EXPECT_EQ(find_entities(tokens, labels, Aggregation::simple),
            (Entities{{"noun", 0.75F, {0, 3}}, {"x", 0.75F, {4, 5}}}));
}

TEST(Entities, NanIsNotTheBestScore) {
  const std::array<float, 5> scores = {std::numeric_limits<float>::quiet_NaN(), 0, 0.5F, 0, 0};
  const std::vector<ScoredToken> tokens = {{{0, 1}, scores}};
  EXPECT_EQ(find_entities(tokens, kLabels, Aggregation::none), (Entities{{"I-PER", 0.5F, {0, 1}}}));
}

TEST(Entities, NoTokensGiveNone) {
  for (const auto aggregation : {Aggregation::none, Aggregation::simple, Aggregation::average}) {
    EXPECT_TRUE(find_entities({}, kLabels, aggregation).empty());
  }
}

TEST(MergeWindows, KeepsTheLongestOfThoseThatOverlap) {
  EXPECT_EQ(merge_windows({{"PER", 0.9F, {0, 3}}, {"LOC", 0.8F, {8, 9}}, {"LOC", 0.5F, {1, 6}}},
                          "abcdefghij"),
            (Entities{{"LOC", 0.5F, {1, 6}}, {"LOC", 0.8F, {8, 9}}}));
}

TEST(MergeWindows, KeepsTheSurestOfEqualLength) {
  EXPECT_EQ(merge_windows({{"PER", 0.5F, {0, 3}}, {"LOC", 0.75F, {0, 3}}}, "abc"),
            (Entities{{"LOC", 0.75F, {0, 3}}}));
}

TEST(MergeWindows, LengthsAreInCharacters) {
  // Two characters of two bytes are shorter than three of one.
  EXPECT_EQ(merge_windows({{"PER", 0.9F, {0, 4}}, {"LOC", 0.5F, {2, 6}}}, "\u00e9\u00e9ab"),
            (Entities{{"LOC", 0.5F, {2, 6}}}));
}

TEST(MergeWindows, NeighboursStay) {
  const Entities entities = {{"PER", 0.5F, {0, 3}}, {"PER", 0.5F, {3, 4}}};
  EXPECT_EQ(merge_windows(entities, "abcd"), entities);
  EXPECT_TRUE(merge_windows({}, "").empty());
}

}  // namespace
}  // namespace nopad
