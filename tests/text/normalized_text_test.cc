#include "text/normalized_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace nopad::text {
namespace {

using Spans = std::vector<std::pair<size_t, size_t>>;

Spans sources(const NormalizedText& text) {
  Spans out;
  for (size_t at = 0; at < text.bytes().size(); ++at) {
    const SourceBytes source = text.source(at, at + 1);
    out.emplace_back(source.begin, source.end);
  }
  return out;
}

TEST(NormalizedText, BeginsAsTheSegment) {
  const NormalizedText text("a\u00e9", 5, true);
  EXPECT_EQ(text.bytes(), "a\u00e9");
  EXPECT_EQ(sources(text), (Spans{{5, 6}, {6, 8}, {6, 8}}));
}

TEST(NormalizedText, ASourceReachesFromTheFirstByteToTheLast) {
  const NormalizedText text("a\u00e9b", 5, true);
  EXPECT_EQ(text.source(0, 4).begin, 5u);
  EXPECT_EQ(text.source(0, 4).end, 9u);
}

TEST(NormalizedText, AReplacedCharacterKeepsItsSource) {
  NormalizedText text("a\u00e9b", 0, true);
  text.transform(std::vector<NewChar>{{U'\u4e2d', 0}, {U'x', 0}, {U'b', 0}});
  EXPECT_EQ(text.bytes(), "\u4e2dxb");
  EXPECT_EQ(sources(text), (Spans{{0, 1}, {0, 1}, {0, 1}, {1, 3}, {3, 4}}));
}

TEST(NormalizedText, AnInsertedCharacterTakesTheSourceBeforeIt) {
  NormalizedText text("ab", 3, true);
  text.transform(std::vector<NewChar>{{U'x', 1}, {U'a', 0}, {U'y', 1}, {U'b', 0}});
  EXPECT_EQ(text.bytes(), "xayb");
  EXPECT_EQ(sources(text), (Spans{{3, 3}, {3, 4}, {3, 4}, {4, 5}}));
}

TEST(NormalizedText, ARemovedCharacterTakesItsSourceAlong) {
  NormalizedText text("abcd", 0, true);
  text.transform(std::vector<NewChar>{{U'b', -1}, {U'd', 0}}, 1);
  EXPECT_EQ(text.bytes(), "bd");
  EXPECT_EQ(sources(text), (Spans{{1, 2}, {3, 4}}));
}

TEST(NormalizedText, ARangeIsRewrittenAndTheRestMoves) {
  for (const std::string_view content : {"", "x", "xyzuv"}) {
    NormalizedText text("abcd", 0, true), plain("abcd", 0, false);
    std::vector<NewChar> chars;
    for (const char c : content) chars.push_back({static_cast<char32_t>(c), 1});
    text.transform(1, 3, chars, 2);
    plain.transform(1, 3, chars, 2);
    EXPECT_EQ(text.bytes(), "a" + std::string(content) + "d");
    EXPECT_EQ(plain.bytes(), text.bytes());
    Spans expected(content.size(), {2, 3});
    expected.insert(expected.begin(), {0, 1});
    expected.emplace_back(3, 4);
    EXPECT_EQ(sources(text), expected);
  }
}

TEST(NormalizedText, MoreCharactersThanThereWereTakeTheLastSource) {
  NormalizedText text("a", 0, true);
  text.transform(std::vector<NewChar>{{U'x', 0}, {U'y', 0}});
  EXPECT_EQ(sources(text), (Spans{{0, 1}, {0, 1}}));
}

}  // namespace
}  // namespace nopad::text
