#include "text/unicode.h"

#include <gtest/gtest.h>

#include <string>

namespace nopad::text {
namespace {

using std::string_literals::operator""s;

std::string utf8(const CodePoints& code_points) {
  std::string out;
  for (const char32_t c : code_points) {
    char bytes[4];
    out.append(bytes, encode_utf8(c, bytes));
  }
  return out;
}

TEST(Utf8, EveryCodePointSurvivesEncodingAndDecoding) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    char bytes[4];
    const std::string_view text(bytes, encode_utf8(c, bytes));
    const Decoded decoded = decode_utf8(text, 0);
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.num_bytes, text.size());
    ASSERT_EQ(find_invalid_utf8(text), text.size());
  }
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  const std::pair<std::string, size_t> cases[] = {
      {"", 0},
      {"abc", 3},
      {"ab\xff", 2},
      {"\x80", 0},
      {"12345678901\xc3", 11},  // cut short
      {"\xe4\xb8", 0},          // cut short
      {"a\xf0\x9f\x98", 1},     // cut short
      {"\xc0\x80", 0},          // overlong NUL
      {"\xc1\xbf", 0},          // overlong
      {"\xe0\x9f\xbf", 0},      // overlong
      {"\xf0\x8f\xbf\xbf", 0},  // overlong
      {"\xed\xa0\x80", 0},      // a surrogate
      {"\xed\xbf\xbf", 0},      // a surrogate
      {"\xf4\x90\x80\x80", 0},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", 0},
      {"\xf4\x8f\xbf\xbf", 4},  // U+10FFFF
      {"\xef\xbf\xbf", 3},      // U+FFFF
      {"\0a"s, 2},
      {"12345678\xe4\xb8\xad\x80", 11},  // a tail too many
  };
  for (const auto& [text, invalid] : cases) EXPECT_EQ(find_invalid_utf8(text), invalid) << text;
}

TEST(Unicode, DecomposesCanonicallyOnly) {
  EXPECT_EQ(utf8(decompose(U'\u00e9')), "e\u0301");
  EXPECT_EQ(utf8(decompose(U'\u1ea4')), "A\u0302\u0301");
  EXPECT_EQ(utf8(decompose(U'\uac00')), "\u1100\u1161");
  EXPECT_EQ(utf8(decompose(U'\ud7a3')), "\u1112\u1175\u11c2");
  EXPECT_EQ(utf8(decompose(U'\ufb01')), "\ufb01");
  EXPECT_EQ(utf8(decompose(U'x')), "x");
}

TEST(Unicode, LowerCasesOneCharacterAtATime) {
  EXPECT_EQ(utf8(lower_case(U'A')), "a");
  EXPECT_EQ(utf8(lower_case(U'\u03a3')), "\u03c3");
  EXPECT_EQ(utf8(lower_case(U'\u0130')), "i\u0307");
  EXPECT_EQ(utf8(lower_case(U'\u1e9e')), "\u00df");
  EXPECT_EQ(utf8(lower_case(U'1')), "1");
}

TEST(Unicode, ClassesAreThoseOfTheirOwnUnicodeVersions) {
  EXPECT_TRUE(is(char_class(U'\u166d'), tables::kPunctuation));   // punctuation in 8.0, not later
  EXPECT_FALSE(is(char_class(U'\u2e52'), tables::kPunctuation));  // punctuation since 14.0
  EXPECT_TRUE(is(char_class(U'\u1734'), tables::kMark));
  EXPECT_FALSE(is(char_class(U'\u1885'), tables::kMark));
  EXPECT_FALSE(is(char_class(0x2b820), tables::kChinese));
  EXPECT_FALSE(is(char_class(U'\u0378'), tables::kControl));  // unassigned
  EXPECT_TRUE(is(char_class(U'\u200b'), tables::kControl));
}

TEST(Unicode, TrimEndCutsEverySpaceAndNothingElse) {
  EXPECT_EQ(trim_end("a b \t\r\n"), "a b");
  EXPECT_EQ(trim_end("a\u3000\u2028\u00a0"), "a");
  EXPECT_EQ(trim_end("a\u200b"), "a\u200b");
  EXPECT_EQ(trim_end(" \u0085"), "");
  EXPECT_EQ(trim_end(""), "");
}

}  // namespace
}  // namespace nopad::text
