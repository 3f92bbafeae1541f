#include "text/wordpiece_decoder.h"

#include <gtest/gtest.h>

#include <vector>

namespace nopad::text {
namespace {

std::string decode(const WordPieceDecoder& decoder, std::vector<std::string_view> tokens) {
  return decoder.decode(tokens);
}

TEST(WordPieceDecoder, GluesPiecesAndLeavesNoBlankBeforeClosingPunctuation) {
  EXPECT_EQ(decode({}, {"hello", ",", "un", "##aff", "##able", "world", "!"}),
            "hello, unaffable world!");
}

TEST(WordPieceDecoder, CleansTokenByTokenSoThatApostrophesStayApart) {
  EXPECT_EQ(decode({}, {"don", "'", "t"}), "don ' t");
  EXPECT_EQ(decode({}, {"do", "not"}), "do not");
}

TEST(WordPieceDecoder, WithoutCleanupEveryTokenGetsABlank) {
  EXPECT_EQ(decode({.prefix = "##", .cleanup = false}, {"a", ",", "##b"}), "a ,b");
}

TEST(WordPieceDecoder, KeepsAPrefixAtTheBeginning) {
  EXPECT_EQ(decode({}, {"##able", "##s"}), "##ables");
  EXPECT_EQ(decode({}, {}), "");
}

}  // namespace
}  // namespace nopad::text
