#include "text/wordpiece_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nopad::text {
namespace {

std::string decode(const WordPieceDecoder& decoder, std::vector<std::string> tokens) {
  decoder.apply(tokens);
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

TEST(WordPieceDecoder, GluesPiecesAndLeavesNoBlankBeforeClosingPunctuation) {
  EXPECT_EQ(decode(WordPieceDecoder(), {"hello", ",", "un", "##aff", "##able", "world", "!"}),
            "hello, unaffable world!");
}

TEST(WordPieceDecoder, CleansTokenByTokenSoThatApostrophesStayApart) {
  EXPECT_EQ(decode(WordPieceDecoder(), {"don", "'", "t"}), "don ' t");
  EXPECT_EQ(decode(WordPieceDecoder(), {"do", "not"}), "do not");
}

TEST(WordPieceDecoder, WithoutCleanupEveryTokenGetsABlank) {
  EXPECT_EQ(decode(WordPieceDecoder("##", false), {"a", ",", "##b"}), "a ,b");
}

TEST(WordPieceDecoder, KeepsAPrefixAtTheBeginning) {
  EXPECT_EQ(decode(WordPieceDecoder(), {"##able", "##s"}), "##ables");
  EXPECT_EQ(decode(WordPieceDecoder(), {}), "");
}

}  // namespace
}  // namespace nopad::text
