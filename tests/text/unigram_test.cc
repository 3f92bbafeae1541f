#include "text/unigram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <limits>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using Ids = std::vector<int32_t>;

UnigramModel make(std::vector<UnigramPiece> pieces, std::optional<int64_t> unk_id = 0,
                  bool byte_fallback = false) {
  return UnigramModel::from_pieces(std::move(pieces), unk_id, byte_fallback, "f");
}

Ids encode(const UnigramModel& model, std::string_view text) {
  Ids ids, same;
  std::vector<Piece> spans;
  model.append(text, ids, &spans);
  model.append(text, same, nullptr);
  EXPECT_EQ(ids, same);
  EXPECT_EQ(ids.size(), spans.size());
  return ids;
}

const std::vector<UnigramPiece> kLetters = {{"<unk>", 0}, {"a", 0},   {"b", 0},
                                            {"c", 0},     {"d", 0},   {"cd", 1},
                                            {"ab", 2},    {"abc", 5}, {"abcd", 10}};

TEST(Unigram, TakesTheBestSum) {
  EXPECT_EQ(encode(make(kLetters), "abcdacdxx"), (Ids{8, 1, 5, 0}));
}

TEST(Unigram, OfEqualSumsTheFirstFoundCounts) {
  const auto model = make({{"<unk>", 0}, {"l", -3}, {"ll", -4}});
  EXPECT_EQ(encode(model, "lll"), (Ids{1, 2}));
}

// Between two pieces at -5 each and an unknown character at the lowest score less 10.
TEST(Unigram, AnUnknownCharacterCostsTenMoreThanTheWorstPiece) {
  EXPECT_EQ(encode(make({{"<unk>", 0}, {"a", 0}, {"xa", -10.9}}), "xa"), (Ids{2}));
  EXPECT_EQ(encode(make({{"<unk>", 0}, {"a", 0}, {"xa", -25}, {"w", -12}}), "xa"), (Ids{2}));
  EXPECT_EQ(encode(make({{"<unk>", 0}, {"a", 30}, {"xa", -10}}), "xa"), (Ids{0, 1}));
}

TEST(Unigram, UnknownCharactersInARowAreOneToken) {
  const auto model = make(kLetters);
  Ids ids;
  std::vector<Piece> spans;
  model.append("x\u4e2day", ids, &spans);
  EXPECT_EQ(ids, (Ids{0, 1, 0}));
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].end, 4u);
  EXPECT_EQ(spans[1].begin, 4u);
  EXPECT_EQ(spans[2].end, 6u);
}

TEST(Unigram, TheUnknownTokenInTheTextIsFusedAsWell) {
  const auto model = make(kLetters);
  EXPECT_EQ(encode(model, "<unk>"), (Ids{0}));
  EXPECT_EQ(encode(model, "x<unk>y"), (Ids{0}));
}

TEST(Unigram, FusedCharactersThatAreATokenAreThatToken) {
  EXPECT_EQ(encode(make({{"<unk>", 100}, {"xy", 100}}), "xy"), (Ids{1}));
}

TEST(Unigram, UnknownCharactersBecomeBytesIfAllAreThere) {
  std::vector<UnigramPiece> pieces = kLetters;
  pieces.push_back({"<0xC3>", 0});
  pieces.push_back({"<0xA9>", 0});
  const auto model = make(pieces, 0, true);
  Ids ids;
  std::vector<Piece> spans;
  model.append("a\u00e9b", ids, &spans);
  EXPECT_EQ(ids, (Ids{1, 9, 10, 2}));
  EXPECT_EQ(spans[1].begin, 1u);
  EXPECT_EQ(spans[1].end, 3u);
  EXPECT_EQ(spans[2].begin, 1u);
  EXPECT_EQ(encode(model, "\u00e9\u00e8"), (Ids{0}));
  EXPECT_EQ(encode(make(pieces, 0, false), "\u00e9"), (Ids{0}));
}

TEST(Unigram, WithoutAnUnknownTokenAnUnknownCharacterIsAnError) {
  const auto model = make({{"a", -1}, {"ab", -2}}, std::nullopt);
  EXPECT_EQ(encode(model, "aab"), (Ids{0, 1}));
  Ids ids;
  test::expect_error<InputError>(
      [&] { model.append("ax", ids, nullptr); },
      "Unigram: text: expected characters of the vocab, which has no unknown token, got \"x\"");
  EXPECT_EQ(model.unknown_id(), std::nullopt);
}

TEST(Unigram, OfEqualPiecesTheLastIsFound) {
  EXPECT_EQ(encode(make({{"<unk>", 0}, {"a", -1}, {"a", -2}}), "a"), (Ids{2}));
}

TEST(Unigram, AppendsAndLeavesWhatWasThere) {
  Ids ids = {7};
  std::vector<Piece> spans = {{9, 9}};
  make(kLetters).append("ab", ids, &spans);
  EXPECT_EQ(ids, (Ids{7, 6}));
  EXPECT_EQ(spans[0].begin, 9u);
}

TEST(Unigram, RefusesVocabsThatAreNone) {
  const auto expect = [](std::vector<UnigramPiece> pieces, std::optional<int64_t> unk_id,
                         std::string_view message) {
    test::expect_error<FormatError>([&] { make(pieces, unk_id); }, message);
  };
  expect({}, std::nullopt, "f: vocab: expected at least one token, got none");
  expect({}, 0, "f: unk_id: expected 0 to -1, got 0");
  expect({{"a", 0}}, 1, "f: unk_id: expected 0 to 0, got 1");
  expect({{"a", 0}}, -1, "f: unk_id: expected 0 to 0, got -1");
  expect({{"a", std::nan("")}}, 0, "f: vocab: expected a finite score for \"a\", got nan");
  expect({{"a", -std::numeric_limits<double>::infinity()}}, 0,
         "f: vocab: expected a finite score for \"a\", got -inf");
  expect({{"\xff", 0}}, 0, "f: vocab: token 0: expected UTF-8, got an invalid byte at offset 0");
  expect({{std::string(1025, 'a'), 0}}, 0,
         "f: vocab: token 0: expected a token of at most 1024 bytes, got 1025");
}

// Quadratic time would be minutes.
TEST(Unigram, TakesLinearTimeWithoutSpaces) {
  const auto model = make({{"<unk>", 0}, {"a", -1}, {"aaaaaaaa", -2}});
  Ids ids;
  const std::clock_t begin = std::clock();
  model.append(std::string(1'000'000, 'a'), ids, nullptr);
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10);
  EXPECT_EQ(ids.size(), 125'000u);
}

}  // namespace
}  // namespace nopad::text
