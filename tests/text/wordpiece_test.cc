#include "text/wordpiece.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Ids = std::vector<int32_t>;

WordPiece make_model(std::string_view lines, WordPiece::Config config = {}) {
  return WordPiece(Vocab::from_lines(lines, "vocab.txt"), config, "vocab.txt");
}

Ids ids_of(const WordPiece& model, std::string_view word) {
  Ids ids;
  model.append(word, ids, nullptr);
  return ids;
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const WordPiece model = make_model("[UNK]\nun\nunaff\n##aff\n##able\n##a\n");
  std::vector<size_t> ends;
  Ids ids;
  model.append("unaffable", ids, &ends);
  EXPECT_EQ(ids, (Ids{2, 4}));
  EXPECT_EQ(ends, (std::vector<size_t>{5, 9}));
}

TEST(WordPiece, OneUnknownPartMakesTheWholeWordUnknown) {
  const WordPiece model = make_model("[UNK]\nun\n##aff\n");
  Ids ids{7};
  std::vector<size_t> ends;
  model.append("unaffx", ids, &ends);
  EXPECT_EQ(ids, (Ids{7, 0}));
  EXPECT_EQ(ends, (std::vector<size_t>{6}));
}

// Greedy means that a way through the word that needs a shorter piece is not found.
TEST(WordPiece, NeverGoesBackToAShorterPiece) {
  EXPECT_EQ(ids_of(make_model("[UNK]\nab\na\n##bc\n"), "abc"), Ids{0});
}

TEST(WordPiece, WithoutContinuingTokensOnlyWholeWordsAreKnown) {
  const WordPiece model = make_model("[UNK]\na\nab\n");
  EXPECT_EQ(ids_of(model, "ab"), Ids{2});
  EXPECT_EQ(ids_of(model, "aa"), Ids{0});
}

TEST(WordPiece, AnEmptyPrefixLetsEveryTokenContinueAWord) {
  const WordPiece model = make_model("[UNK]\na\nb\n", {.continuing_prefix = ""});
  EXPECT_EQ(ids_of(model, "abba"), (Ids{1, 2, 2, 1}));
}

TEST(WordPiece, APieceNeverEndsInsideACharacter) {
  EXPECT_EQ(ids_of(make_model("[UNK]\n\u00e9\n\u00e8\n##\u00e9\n"), "\u00e8\u00e9"), (Ids{2, 3}));
}

TEST(WordPiece, RefusesAVocabWithoutTheUnknownToken) {
  expect_error<FormatError>([] { make_model("a\nb\n"); },
                            R"(vocab.txt: unk_token: expected "[UNK]" in the vocab, got none)");
}

TEST(WordPiece, RefusesWordLimitsOutOfRange) {
  for (const int64_t limit : {int64_t{0}, int64_t{-1}, int64_t{1025}, INT64_MAX}) {
    expect_error<FormatError>(
        [&] { make_model("[UNK]\n", {.max_word_chars = limit}); },
        "vocab.txt: max_input_chars_per_word: expected 1 to 1024, got " + std::to_string(limit));
  }
}

}  // namespace
}  // namespace nopad::text
