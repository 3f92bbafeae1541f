#include "text/bpe.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

using test::expect_error;
using Ids = std::vector<int32_t>;

Vocab make_vocab(const std::vector<std::string>& tokens) {
  std::vector<VocabEntry> entries;
  for (const std::string& token : tokens) entries.push_back({token, std::ssize(entries)});
  return Vocab::from_entries(std::move(entries), "v.json");
}

Bpe make_bpe(const std::vector<std::string>& tokens, const std::vector<Bpe::Merge>& merges,
             Bpe::Config config = {}) {
  return Bpe(make_vocab(tokens), merges, std::move(config), "v.json");
}

Ids encode(const Bpe& bpe, std::string_view piece) {
  Ids ids;
  bpe.append(piece, ids, nullptr);
  return ids;
}

std::vector<size_t> ends(const Bpe& bpe, std::string_view piece) {
  Ids ids;
  std::vector<Piece> spans;
  bpe.append(piece, ids, &spans);
  std::vector<size_t> out;
  for (const Piece& span : spans) out.push_back(span.end);
  return out;
}

TEST(Bpe, MergesTheLowestRankFirstNotTheFirstPair) {
  const Bpe bpe = make_bpe({"a", "b", "c", "bc", "ab"}, {{"b", "c"}, {"a", "b"}});
  EXPECT_EQ(encode(bpe, "abc"), (Ids{0, 3}));
  EXPECT_EQ(encode(bpe, "ab"), (Ids{4}));
  EXPECT_EQ(ends(bpe, "abc"), (std::vector<size_t>{1, 3}));
}

TEST(Bpe, OfEqualRanksTheLeftmostIsMerged) {
  const Bpe bpe = make_bpe({"a", "aa"}, {{"a", "a"}});
  EXPECT_EQ(encode(bpe, "aaa"), (Ids{1, 0}));
}

TEST(Bpe, AMergeThatStandsTwiceHasItsLastRank) {
  const Bpe bpe = make_bpe({"a", "b", "c", "ab", "bc"}, {{"a", "b"}, {"b", "c"}, {"a", "b"}});
  EXPECT_EQ(encode(bpe, "abc"), (Ids{0, 4}));
}

TEST(Bpe, ACharacterWithoutATokenIsDroppedOrUnknown) {
  EXPECT_EQ(encode(make_bpe({"a", "b"}, {}), "axb"), (Ids{0, 1}));
  Bpe::Config config{.unk_token = "<unk>"};
  EXPECT_EQ(encode(make_bpe({"a", "<unk>"}, {}, config), "axya"), (Ids{0, 1, 1, 0}));
  config.fuse_unk = true;
  EXPECT_EQ(encode(make_bpe({"a", "<unk>"}, {}, config), "axya"), (Ids{0, 1, 0}));
  EXPECT_EQ(ends(make_bpe({"a", "<unk>"}, {}, config),
                 "ax\u00e9"
                 "a"),
            (std::vector<size_t>{1, 4, 5}));
}

TEST(Bpe, AnUnknownTokenThatIsMissingIsAnErrorWhereItIsNeeded) {
  const Bpe bpe = make_bpe({"a"}, {}, {.unk_token = "<unk>"});
  EXPECT_EQ(bpe.unknown_id(), std::nullopt);
  EXPECT_EQ(encode(bpe, "a"), (Ids{0}));
  expect_error<InputError>([&] { encode(bpe, "ab"); },
                           "encode: text: expected characters of the vocab, which has no unknown "
                           "token, got \"b\"");
}

TEST(Bpe, PrefixAndSuffixMarkPartsOfWords) {
  const Bpe prefix =
      make_bpe({"a", "##b", "ab", "##a"}, {{"a", "##b"}}, {.continuing_prefix = "##"});
  EXPECT_EQ(encode(prefix, "aba"), (Ids{2, 3}));
  const Bpe suffix =
      make_bpe({"a", "b</w>", "ab</w>", "a</w>"}, {{"a", "b</w>"}}, {.end_suffix = "</w>"});
  EXPECT_EQ(encode(suffix, "ab"), (Ids{2}));
  EXPECT_EQ(encode(suffix, "aa"), (Ids{0, 3}));
  EXPECT_EQ(ends(suffix, "aa"), (std::vector<size_t>{1, 2}));
}

TEST(Bpe, BytesStandForACharacterOnlyIfAllHaveTokens) {
  const Bpe bpe = make_bpe({"a", "<unk>", "<0xC3>", "<0xA9>", "<0xA8>"}, {},
                           {.unk_token = "<unk>", .byte_fallback = true});
  EXPECT_EQ(encode(bpe, "a\u00e9\u00e8\u00ea"), (Ids{0, 2, 3, 2, 4, 1}));
}

TEST(Bpe, AWordThatIsATokenMayStayWhole) {
  const std::vector<std::string> tokens = {"a", "b", "ab"};
  EXPECT_EQ(encode(make_bpe(tokens, {}), "ab"), (Ids{0, 1}));
  EXPECT_EQ(encode(make_bpe(tokens, {}, {.ignore_merges = true}), "ab"), (Ids{2}));
}

TEST(Bpe, RefusesMergesOfTokensThatThereAreNot) {
  expect_error<FormatError>(
      [] {
        make_bpe({"a", "b"}, {{"a", "b"}});
      },
      "v.json: merges: line 1: expected \"ab\" in the vocab, got none");
  expect_error<FormatError>(
      [] {
        make_bpe({"a", "aa"}, {{"a", "a"}, {"a", "x"}});
      },
      "v.json: merges: line 2: expected \"x\" in the vocab, got none");
  // Longer than any token: the package panics here.
  expect_error<FormatError>(
      [] {
        make_bpe({"a", "b"}, {{"a", "b"}}, {.continuing_prefix = "####"});
      },
      "v.json: merges: line 1: expected a token that begins with \"####\", got \"b\"");
}

// The rule as it is written down: look for the best pair again after each merge.
Ids merge_slowly(const std::vector<Bpe::Merge>& merges, const std::vector<std::string>& tokens,
                 std::string_view word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    size_t best_rank = merges.size(), best = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found =
          std::find(merges.begin(), merges.end(), Bpe::Merge{parts[i], parts[i + 1]});
      const auto rank = static_cast<size_t>(found - merges.begin());
      if (rank < best_rank) {
        best_rank = rank;
        best = i;
      }
    }
    if (best_rank == merges.size()) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  Ids ids;
  for (const std::string& part : parts) {
    ids.push_back(
        static_cast<int32_t>(std::find(tokens.begin(), tokens.end(), part) - tokens.begin()));
  }
  return ids;
}

TEST(Bpe, ShortAndLongWordsFollowTheRule) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    std::vector<Bpe::Merge> merges;
    while (merges.size() < 12) {
      Bpe::Merge merge{tokens[random() % tokens.size()], tokens[random() % tokens.size()]};
      const std::string token = merge.first + merge.second;
      if (std::find(tokens.begin(), tokens.end(), token) != tokens.end()) continue;
      tokens.push_back(token);
      merges.push_back(std::move(merge));
    }
    const Bpe bpe = make_bpe(tokens, merges);
    for (const size_t size : {1, 2, 7, 47, 48, 49, 90}) {
      std::string word;
      while (word.size() < size) word += static_cast<char>('a' + random() % 3);
      EXPECT_EQ(encode(bpe, word), merge_slowly(merges, tokens, word)) << word;
    }
  }
}

}  // namespace
}  // namespace nopad::text
