#include "text/byte_level_encoder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "text/byte_level_chains.h"
#include "text/unicode.h"

namespace nopad::text {
namespace {

using Ids = std::vector<int32_t>;

std::string random_text(std::mt19937& random) {
  const std::string parts[] = {"a",     "b",    "he",     "ll", "the",    " ",          "  ",
                               "'s",    "'",    "1",      "12", "\u00e9", "\u4e2d",     "\u00a0",
                               "\n",    "\r",   "\u0301", "!",  "!!",     "\U0001f600", "\t",
                               "hello", " the", "\u2163", "x",  "ba",     "\u200b"};
  std::string text;
  for (size_t left = random() % 24; left > 0; --left) text += parts[random() % std::size(parts)];
  return text;
}

void expect_equal(const test::ByteLevelChains& chains, std::string_view text) {
  Ids ids, ids_alone, expected_ids;
  TokenPlaces places, expected_places;
  chains.fast->append(text, 5, true, ids, &places);
  chains.fast->append(text, 5, true, ids_alone, nullptr);
  chains.general->append(text, 5, true, expected_ids, &expected_places);
  ASSERT_EQ(ids, expected_ids) << text;
  ASSERT_EQ(ids, ids_alone) << text;
  ASSERT_EQ(places.words, expected_places.words) << text;
  ASSERT_EQ(places.spans, expected_places.spans) << text;
}

TEST(ByteLevelEncoder, EqualsTheChainOfItsSteps) {
  std::mt19937 random(11);
  AddedToken token;
  token.content = "ba";
  token.id = 99;
  token.normalized = true;
  for (const bool ignore_merges : {false, true}) {
    for (const bool add_prefix_space : {false, true}) {
      const test::ByteLevelChains plain(add_prefix_space, ignore_merges);
      const test::ByteLevelChains with_token(add_prefix_space, ignore_merges, {token});
      for (int i = 0; i < 500; ++i) {
        const std::string text = random_text(random);
        expect_equal(plain, text);
        expect_equal(with_token, text);
      }
    }
  }
}

TEST(ByteLevelEncoder, LongWordsAndEmptyTexts) {
  const test::ByteLevelChains chains(true, false);
  for (const size_t size : {0, 1, 48, 49, 1000}) {
    expect_equal(chains, std::string(size, 'a'));
    expect_equal(chains, std::string(size, ' '));
    expect_equal(chains, std::string(size, '\n') + "the");
  }
}

TEST(ByteLevelEncoder, ATokenThatMergesDoNotMakeIsNoWord) {
  const test::ByteLevelChains merging(false, false), whole(false, true);
  Ids merged, kept;
  merging.fast->append("the", 0, true, merged, nullptr);
  whole.fast->append("the", 0, true, kept, nullptr);
  EXPECT_EQ(merged, (Ids{'t', *merging.fast->vocab().find("he")}));
  EXPECT_EQ(kept, (Ids{*whole.fast->vocab().find("the")}));
}

TEST(ByteLevelEncoder, NeedsEveryByteAndPlainWords) {
  EXPECT_TRUE(ByteLevelEncoder::supports(*test::make_byte_level_bpe(false)));
  const Bpe few(Vocab::from_entries({{"a", 0}}, "v"), {}, {}, "v");
  EXPECT_FALSE(ByteLevelEncoder::supports(few));
}

TEST(WordTable, FindsEachWordAndNoOther) {
  std::vector<std::pair<std::string, int32_t>> words;
  for (int32_t i = 0; i < 1000; ++i)
    words.emplace_back(std::string(static_cast<size_t>(i % 20), 'a') + std::to_string(i), i);
  const WordTable table(words);
  for (const auto& [word, id] : words) {
    EXPECT_EQ(table.find(word), id);
    EXPECT_EQ(table.find(word + "x"), WordTable::kNone);
  }
  EXPECT_EQ(table.find(""), WordTable::kNone);
  EXPECT_EQ(WordTable({}).find("a"), WordTable::kNone);
}

}  // namespace
}  // namespace nopad::text
