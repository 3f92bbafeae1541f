#include "text/grapheme_breaks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nopad::text {
namespace {

std::vector<std::string> clusters(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = grapheme_end(text, at);
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

using Clusters = std::vector<std::string>;

TEST(GraphemeEnd, LettersStandAlone) {
  EXPECT_EQ(clusters("ab\u4e2d"), (Clusters{"a", "b", "\u4e2d"}));
}

TEST(GraphemeEnd, OnlyCarriageReturnAndLineFeedAreOneControl) {
  EXPECT_EQ(clusters("\r\n\n\r\t"), (Clusters{"\r\n", "\n", "\r", "\t"}));
  EXPECT_EQ(clusters("\n\u0301"), (Clusters{"\n", "\u0301"}));
}

TEST(GraphemeEnd, MarksFollowAndPrefixesPrecede) {
  EXPECT_EQ(clusters("a\u0301\u0323b"), (Clusters{"a\u0301\u0323", "b"}));
  EXPECT_EQ(clusters("\u0915\u0903x"), (Clusters{"\u0915\u0903", "x"}));
  EXPECT_EQ(clusters("\u0600a\u0600"), (Clusters{"\u0600a", "\u0600"}));
}

TEST(GraphemeEnd, HangulSyllablesAreMadeOfTheirLetters) {
  EXPECT_EQ(clusters("\u1100\u1161\u11a8\u1100"), (Clusters{"\u1100\u1161\u11a8", "\u1100"}));
  EXPECT_EQ(clusters("\uac00\u11a8"), (Clusters{"\uac00\u11a8"}));
  EXPECT_EQ(clusters("\uac01\u1161"), (Clusters{"\uac01", "\u1161"}));
  EXPECT_EQ(clusters("\u1100\uac01\u11a8"), (Clusters{"\u1100\uac01\u11a8"}));
}

TEST(GraphemeEnd, FlagsAreTwoIndicators) {
  const std::string f = "\U0001f1eb", r = "\U0001f1f7";
  EXPECT_EQ(clusters(f + r + f + r + f), (Clusters{f + r, f + r, f}));
}

TEST(GraphemeEnd, PicturesJoinOverAJoiner) {
  const std::string man = "\U0001f468", joiner = "\u200d", heart = "\u2764\ufe0f";
  EXPECT_EQ(clusters(man + joiner + heart + joiner + man),
            (Clusters{man + joiner + heart + joiner + man}));
  EXPECT_EQ(clusters("a" + joiner + man), (Clusters{"a" + joiner, man}));
  EXPECT_EQ(clusters(man + joiner + joiner + man), (Clusters{man + joiner + joiner, man}));
  EXPECT_EQ(clusters(man + man), (Clusters{man, man}));
}

TEST(GraphemeEnd, IndicConsonantsJoinOverAVirama) {
  EXPECT_EQ(clusters("\u0915\u094d\u0937\u0915"), (Clusters{"\u0915\u094d\u0937", "\u0915"}));
  EXPECT_EQ(clusters("\u0915\u093c\u094d\u093c\u0937"),
            (Clusters{"\u0915\u093c\u094d\u093c\u0937"}));
  EXPECT_EQ(clusters("a\u094d\u0937"), (Clusters{"a\u094d", "\u0937"}));
}

}  // namespace
}  // namespace nopad::text
