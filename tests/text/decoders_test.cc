// The decoders by hand; recorded kinds hold them against the package.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "text/decoders/byte_decoders.h"
#include "text/decoders/parse.h"

namespace nopad::text {
namespace {

using nlohmann::json;
using test::expect_error;
using Tokens = std::vector<std::string>;

Tokens apply(const char* decoder, Tokens tokens) {
  const json value = json::parse(decoder);
  parse_decoder({value, "t.json: decoder"})->apply(tokens);
  return tokens;
}

TEST(BpeDecoder, EndsOfWordsAreBlanksButTheLast) {
  EXPECT_EQ(apply(R"({"type": "BPEDecoder", "suffix": "</w>"})", {"he", "llo</w>", "you</w>"}),
            (Tokens{"he", "llo ", "you"}));
}

TEST(ByteLevelDecoder, JoinsBytesOfCharactersAcrossTokens) {
  const char* decoder = R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true})";
  EXPECT_EQ(apply(decoder, {"a\u00c3", "\u00a9\u0120b"}), (Tokens{"a\u00e9 b"}));
  EXPECT_EQ(apply(decoder, {"\u00c3", "b"}), (Tokens{"\ufffd"
                                                     "b"}));
  EXPECT_EQ(apply(decoder, {"<s> x", "\u0120"}),
            (Tokens{"<s> x "}));  // no byte's character: as it is
  EXPECT_EQ(apply(decoder, {}), (Tokens{""}));
}

TEST(ReplaceInvalidUtf8, EachPartThatMayBeginACharacterIsOneReplacement) {
  EXPECT_EQ(replace_invalid_utf8("a\xe4\xb8z"), "a\ufffdz");
  EXPECT_EQ(replace_invalid_utf8("\xf0\x9f\x98"), "\ufffd");
  EXPECT_EQ(replace_invalid_utf8("\xff\xc0\x80"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(replace_invalid_utf8("\xc3\xa9"), "\u00e9");
}

TEST(ByteFallbackDecoder, BytesInARowAreCharactersOrAreReplaced) {
  const char* decoder = R"({"type": "ByteFallback"})";
  EXPECT_EQ(apply(decoder, {"a", "<0xE5>", "<0x8f>", "<0xab>", "b"}), (Tokens{"a", "\u53eb", "b"}));
  EXPECT_EQ(apply(decoder, {"<0xE5>", "<0x8f>", "a"}), (Tokens{"\ufffd", "\ufffd", "a"}));
  EXPECT_EQ(apply(decoder, {"<0xZZ>", "<0x1>"}), (Tokens{"<0xZZ>", "<0x1>"}));
}

TEST(MetaspaceDecoder, TheFirstTokenLosesTheBlankThatWasPutThere) {
  EXPECT_EQ(apply(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"})",
                  {"_a", "_b_"}),
            (Tokens{"a", " b "}));
  EXPECT_EQ(apply(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"})",
                  {"_a", "_b"}),
            (Tokens{" a", " b"}));
  EXPECT_EQ(
      apply(R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false})", {"_a"}),
      (Tokens{" a"}));
}

TEST(CtcDecoder, EqualTokensInARowAreOneAndPaddingPartsThem) {
  const char* decoder =
      R"({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true})";
  EXPECT_EQ(apply(decoder, {"<pad>", "h", "e", "e", "l", "<pad>", "l", "|", "|", "o"}),
            (Tokens{"h", "e", "l", "l", " ", "o"}));
}

TEST(SequenceDecoder, StepsFollowEachOther) {
  EXPECT_EQ(apply(R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
      {"type": "Sequence", "decoders": [{"type": "Fuse"}]},
      {"type": "Strip", "content": " ", "start": 1, "stop": 2}]})",
                  {"__a", "_b", "___"}),
            (Tokens{" a b "}));
  EXPECT_EQ(apply(R"({"type": "Sequence", "decoders": []})", {"a", "b"}), (Tokens{"a", "b"}));
}

TEST(StripDecoder, TakesNoMoreThanThereIs) {
  EXPECT_EQ(apply(R"({"type": "Strip", "content": "a", "start": 9, "stop": 9})", {"aa", "", "aba"}),
            (Tokens{"", "", "b"}));
}

TEST(Decoders, RefuseBadValuesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type": "Strip", "content": "ab", "start": 0, "stop": 0})",
       R"(t.json: decoder: content: expected one character, got "ab")"},
      {R"({"type": "Strip", "content": "a", "start": -1, "stop": 0})",
       "t.json: decoder: start: expected 0 to 1048576, got -1"},
      {R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})",
       R"(t.json: decoder: pattern: pattern: expected a regular expression, got "(" (missing closing parenthesis))"},
      {R"({"type": "Sequence", "decoders": {}})",
       "t.json: decoder: decoders: expected a list, got an object"},
      {R"({"type": "Sequence", "decoders": [{"type": "Fuse", "x": 1}]})",
       R"(t.json: decoder: decoders[0]: expected only known keys, got "x")"}};
  for (const auto& [decoder, message] : cases) {
    expect_error<FormatError>([&] { apply(decoder, {}); }, message);
  }
}

}  // namespace
}  // namespace nopad::text
