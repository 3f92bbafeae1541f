#include "text/vocab.h"

#include <gtest/gtest.h>

#include <string>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;

TEST(Vocab, LinesAreTokensAndTheirNumbersIds) {
  const Vocab vocab = Vocab::from_lines("[UNK]\nhello\n##s\n", "vocab.txt");
  EXPECT_EQ(vocab.size(), 3);
  EXPECT_EQ(vocab.find("##s"), 2);
  EXPECT_EQ(vocab.token(1), "hello");
  EXPECT_EQ(vocab.find("x"), std::nullopt);
  EXPECT_FALSE(vocab.contains(3));
  EXPECT_FALSE(vocab.contains(-1));
}

TEST(Vocab, WhiteSpaceAtTheEndsOfLinesIsNoPartOfTokens) {
  const Vocab vocab = Vocab::from_lines("a\r\n b \t\nc\u3000\nd", "vocab.txt");
  EXPECT_EQ(vocab.find("a"), 0);
  EXPECT_EQ(vocab.find(" b"), 1);
  EXPECT_EQ(vocab.find("c"), 2);
  EXPECT_EQ(vocab.find("d"), 3);
}

TEST(Vocab, ARepeatedLineKeepsItsLastIdOnly) {
  const Vocab vocab = Vocab::from_lines("a\nb\na\n", "vocab.txt");
  EXPECT_EQ(vocab.find("a"), 2);
  EXPECT_FALSE(vocab.contains(0));
  EXPECT_TRUE(vocab.contains(2));
  EXPECT_EQ(vocab.size(), 3);
}

TEST(Vocab, AnEmptyLineIsATokenThatNothingMatches) {
  const Vocab vocab = Vocab::from_lines("a\n\nb\n", "vocab.txt");
  EXPECT_EQ(vocab.find(""), 1);
  EXPECT_EQ(vocab.find("b"), 2);
}

TEST(Vocab, EntriesMayLeaveHoles) {
  const Vocab vocab = Vocab::from_entries({{"a", 5}, {"b", 1}}, "tokenizer.json");
  EXPECT_EQ(vocab.size(), 6);
  EXPECT_TRUE(vocab.contains(5));
  EXPECT_FALSE(vocab.contains(0));
  EXPECT_FALSE(vocab.contains(2));
}

TEST(Vocab, BadLinesAreRefusedWithTheirNumber) {
  expect_error<FormatError>([] { Vocab::from_lines("", "v.txt"); },
                            "v.txt: vocab: expected at least one token, got none");
  expect_error<FormatError>([] { Vocab::from_lines("a\nb\xff\n", "v.txt"); },
                            "v.txt: line 2: expected UTF-8, got an invalid byte at offset 1");
  expect_error<FormatError>([] { Vocab::from_lines("a\n" + std::string(1025, 'x'), "v.txt"); },
                            "v.txt: line 2: expected a token of at most 1024 bytes, got 1025");
  expect_error<FormatError>([] { Vocab::from_lines(std::string(kMaxTokens + 5, '\n'), "v.txt"); },
                            "v.txt: vocab: expected at most 4194304 tokens, got 4194305");
}

TEST(Vocab, BadEntriesAreRefused) {
  expect_error<FormatError>([] { Vocab::from_entries({}, "t.json"); },
                            "t.json: vocab: expected at least one token, got none");
  expect_error<FormatError>(
      [] {
        Vocab::from_entries({{"a", 1}, {"b", 1}}, "t.json");
      },
      R"(t.json: vocab: expected one token per id, got "a" and "b" with id 1)");
  for (const int64_t id : {int64_t{-1}, int64_t{1} << 22, INT64_MAX, INT64_MIN}) {
    expect_error<FormatError>(
        [&] {
          Vocab::from_entries({{"a", id}}, "t.json");
        },
        "t.json: vocab: expected ids from 0 to 4194303, got " + std::to_string(id));
  }
}

}  // namespace
}  // namespace nopad::text
