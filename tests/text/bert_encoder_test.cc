// The one-pass encoder against the plain one in bert_reference.h, and its own rules.
#include "text/bert_encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "text/bert_reference.h"
#include "text/minilm.h"

namespace nopad::text {
namespace {

using Ids = std::vector<int32_t>;

// What some tokenizer takes for something else, and plain letters that the vocab knows.
constexpr char32_t kDifficult[] =
    U"aaabbiIuUnN  "
    U"..\t\n#[]'\u000b\u0085\u00a0\u00ad\u00e9\u00c5\u0130\u0131\u0300\u0301\u0323\u0327"
    U"\u0334\u0344\u0345\u0378\u03a3\u037e\u0439\u05b0\u0645\u064b\u06dd\u08e2\u093c\u094d\u0958"
    U"\u0ddd"
    U"\u0e38\u0f71\u0f73\u0f74\u1100\u1161\u11a8\u166d\u1734\u1885\u1b44\u1dce\u1e9e\u1ea4\u1fef"
    U"\u200b"
    U"\u2028\u2e43\u3000\u302a\u302e\u3099\u3400\u4e2d\ua9c0\uac00\ud7a3\uf900\ufb01\ufdfa\ufeff"
    U"\ufffd"
    U"\U000111c0\U00011938\U0001d15e\U0001d165\U0001d16d\U0001e000\U0002b820\U0002b920\U0002f800"
    U"\U0010ffff";

std::string random_text(test::Random& random, int64_t max_chars) {
  std::string text;
  for (int64_t n = random.integer(0, max_chars); n > 0; --n) {
    char bytes[4];
    const int64_t last = std::ssize(kDifficult) - 2;  // before the terminating NUL
    text.append(bytes, encode_utf8(kDifficult[random.integer(0, last)], bytes));
  }
  return text;
}

std::map<std::string, int32_t> make_vocab_map() {
  std::map<std::string, int32_t> vocab{{"[UNK]", 0}};
  for (const char32_t c : std::u32string_view(kDifficult)) {
    for (const char32_t part : {c, lower_case(c).values[0], decompose(c).values[0]}) {
      char bytes[4];
      const std::string token(bytes, encode_utf8(part, bytes));
      vocab.emplace(token, static_cast<int32_t>(vocab.size()));
      vocab.emplace("##" + token, static_cast<int32_t>(vocab.size()));
    }
  }
  vocab.emplace("un", static_cast<int32_t>(vocab.size()));
  vocab.emplace("##bb", static_cast<int32_t>(vocab.size()));
  return vocab;
}

BertEncoder make_encoder(const BertNormalizer::Config& config,
                         const std::map<std::string, int32_t>& vocab) {
  std::vector<VocabEntry> entries;
  for (const auto& [token, id] : vocab) entries.push_back({token, id});
  WordPiece model(Vocab::from_entries(std::move(entries), "vocab"), {}, "vocab");
  return BertEncoder(BertNormalizer(config), std::move(model), {}, "vocab");
}

void expect_equal_to_reference(const BertNormalizer::Config& config, uint64_t seed) {
  const auto vocab = make_vocab_map();
  const BertEncoder encoder = make_encoder(config, vocab);
  test::Random random(seed);
  for (int i = 0; i < 4000; ++i) {
    const std::string text = random_text(random, i % 100 == 0 ? 400 : 16);
    const reference::Tokens expected = reference::encode(text, config, vocab);
    Ids ids, ids_alone;
    TokenPlaces places;
    encoder.append(text, 0, true, ids, &places);
    encoder.append(text, 0, true, ids_alone, nullptr);
    ASSERT_EQ(ids, expected.ids) << text;
    ASSERT_EQ(places.spans, expected.spans) << text;
    ASSERT_EQ(ids_alone, expected.ids) << text;
  }
}

TEST(BertEncoder, EqualsTheReferenceWithEverySetting) {
  uint64_t seed = 1;
  for (const bool clean : {true, false}) {
    for (const bool chinese : {true, false}) {
      for (const bool lowercase : {true, false}) {
        for (const std::optional<bool> strip :
             {std::optional<bool>(), std::optional(true), std::optional(false)}) {
          SCOPED_TRACE(
              concat("clean ", clean, " chinese ", chinese, " lower ", lowercase, " seed ", seed));
          expect_equal_to_reference({clean, chinese, strip, lowercase}, seed++);
        }
      }
    }
  }
}

TEST(BertEncoder, SpansCountFromTheSegmentsOffset) {
  const auto vocab = make_vocab_map();
  const BertEncoder encoder = make_encoder({}, vocab);
  Ids ids;
  TokenPlaces places;
  encoder.append("a b", 10, true, ids, &places);
  EXPECT_EQ(places.spans, (std::vector<Span>{{10, 11}, {12, 13}}));
}

TEST(BertEncoder, FindsNormalizedTokensInTheNormalizedText) {
  WordPiece model(Vocab::from_lines("[UNK]\na\nb\ncafe\n", "vocab"), {}, "vocab");
  const AddedToken cafe{.content = "CAF\u00c9", .id = 9, .normalized = true};
  const BertEncoder encoder(BertNormalizer({}), std::move(model), {cafe}, "vocab");
  Ids ids, ids_alone;
  TokenPlaces places;
  encoder.append("a cafe\u0301b", 0, true, ids, &places);
  encoder.append("a cafe\u0301b", 0, true, ids_alone, nullptr);
  EXPECT_EQ(ids, (Ids{1, 9, 2}));
  EXPECT_EQ(ids_alone, ids);
  EXPECT_EQ(places.spans, (std::vector<Span>{{0, 1}, {2, 6}, {8, 9}}));
  EXPECT_EQ(places.words, (std::vector<int32_t>{0, 1, 2}));
}

TEST(BertEncoder, RefusesATokenThatNormalizesToNothing) {
  WordPiece model(Vocab::from_lines("[UNK]\n", "vocab"), {}, "vocab");
  const AddedToken mark{.content = "\u0301", .id = 9, .normalized = true};
  test::expect_error<FormatError>(
      [&] { BertEncoder(BertNormalizer({}), std::move(model), {mark}, "t.json"); },
      "t.json: added_tokens: expected a token that the normalizer leaves visible, got \"\\u0301\"");
}

// A word of 100 characters is looked up, one of 101 is unknown; characters are those after
// normalization, so that accents do not count.
TEST(BertEncoder, AWordOfMoreThanAHundredCharactersIsUnknown) {
  const BertEncoder encoder = make_encoder({}, {{"[UNK]", 0}, {"e", 1}, {"##e", 2}});
  const auto num_ids = [&](std::string_view unit, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += unit;
    Ids ids;
    encoder.append(text, 0, true, ids, nullptr);
    return ids.size();
  };
  EXPECT_EQ(num_ids("e", 100), 100u);
  EXPECT_EQ(num_ids("e", 101), 1u);
  EXPECT_EQ(num_ids("e\u0301", 100), 100u);
  EXPECT_EQ(num_ids("e\u0301", 101), 1u);
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text, int rounds) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const double begin = thread_seconds();
    EXPECT_GE(tokenizer.encode(text).size(), 2u);
    best = std::min(best, thread_seconds() - begin);
  }
  return best;
}

// 20 times the text may take 80 times as long (larger than the caches), not a quadratic way's 400.
TEST(BertEncoder, TimeIsLinearInTheTextWhateverItRepeats) {
  const Tokenizer tokenizer = make_minilm();
  for (const std::string unit :
       {"a", " ", "^", "\u0301", "\u302e", "\u302e\u0323", "\ufdfa", "\u4e2d", "\uac01",
        "\U0001f469\u200d\U0001f4bb", "unaffable ", "[SEP", "##"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const std::string part = text.substr(0, 50'000 / unit.size() * unit.size());
    EXPECT_LT(seconds_to_encode(tokenizer, text, 2), 80 * seconds_to_encode(tokenizer, part, 7))
        << unit;
  }
}

}  // namespace
}  // namespace nopad::text
