#include "text/byte_level.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace nopad::text {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = byte_level_word_end(text, at);
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

using Words = std::vector<std::string>;

TEST(ByteLevelWords, ABlankBelongsToTheWordAfterIt) {
  EXPECT_EQ(words("Hello my friend"), (Words{"Hello", " my", " friend"}));
  EXPECT_EQ(words("a  b   "), (Words{"a", " ", " b", "   "}));
  EXPECT_EQ(words(" "), (Words{" "}));
}

TEST(ByteLevelWords, OnlyTheBlankDoesNotOtherWhiteSpace) {
  EXPECT_EQ(words("a\nb"), (Words{"a", "\n", "b"}));
  EXPECT_EQ(words("a\n\n b"), (Words{"a", "\n\n", " b"}));
  EXPECT_EQ(words("a \u00a0\u3000b"), (Words{"a", " \u00a0", "\u3000", "b"}));
  EXPECT_EQ(words("a\x1c"
                  "b"),
            (Words{"a", "\x1c", "b"}));  // no white space for Unicode
}

TEST(ByteLevelWords, ContractionsAreLowerCaseAndNeedNoWordBefore) {
  EXPECT_EQ(words("it's we'll I'M"), (Words{"it", "'s", " we", "'ll", " I", "'", "M"}));
  EXPECT_EQ(words("'st 's !'s 'v"), (Words{"'s", "t", " '", "s", " !'", "s", " '", "v"}));
}

TEST(ByteLevelWords, LettersNumbersAndOtherCharactersPart) {
  EXPECT_EQ(words("ab12\u00bd,;\u0301c"), (Words{"ab", "12\u00bd", ",;\u0301", "c"}));
  EXPECT_EQ(words("caf\u00e9 \u4f60\u597d"), (Words{"caf\u00e9", " \u4f60\u597d"}));
}

TEST(CharGroup, FollowsUnicode16) {
  EXPECT_EQ(char_group(U'a'), CharGroup::letter);
  EXPECT_EQ(char_group(0x10d50), CharGroup::letter);  // a letter since 16.0
  EXPECT_EQ(char_group(U'\u2163'), CharGroup::number);
  EXPECT_EQ(char_group(0x85), CharGroup::space);
  EXPECT_EQ(char_group(0x200b), CharGroup::other);
  EXPECT_EQ(char_group(0x10ffff), CharGroup::other);
}

TEST(ByteChars, AreDistinctAndVisible) {
  std::set<char32_t> chars;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t c = char_of_byte(static_cast<unsigned char>(byte));
    chars.insert(c);
    EXPECT_EQ(byte_of_char(c), static_cast<unsigned char>(byte));
    EXPECT_NE(char_group(c), CharGroup::space);
  }
  EXPECT_EQ(chars.size(), 256u);
  EXPECT_EQ(*chars.rbegin(), 0x143u);
  EXPECT_EQ(byte_of_char(0x144), std::nullopt);
  EXPECT_EQ(byte_of_char(0xad), std::nullopt);
}

TEST(ByteChars, TextsComeBack) {
  EXPECT_EQ(to_byte_chars(" a\n\u00e9"), "\u0120a\u010a\u00c3\u00a9");
  EXPECT_EQ(from_byte_chars("\u0120a\u010a\u00c3\u00a9"), " a\n\u00e9");
  EXPECT_EQ(from_byte_chars("a b"), std::nullopt);
}

}  // namespace
}  // namespace nopad::text
