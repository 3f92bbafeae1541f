#include "text/charsmap.h"

#include <gtest/gtest.h>

#include "charsmap_bytes.h"
#include "expect_error.h"
#include "nopad/core/error.h"
#include "text/normalizers/precompiled.h"

namespace nopad::text {
namespace {

using nopad::test::charsmap_bytes;
using nopad::test::one_rule_units;

Charsmap one_rule(std::string_view key, std::string_view replacement) {
  return Charsmap::parse(
      charsmap_bytes(one_rule_units(key), std::string(replacement) + std::string(1, '\0')), "f");
}

std::string normalized(const Charsmap& charsmap, std::string_view text) {
  NormalizedText out(text, 0, false);
  normalizers::Precompiled(charsmap).apply(out);
  return std::string(out.bytes());
}

TEST(Charsmap, FindsARuleThatTheTextBeginsWith) {
  const Charsmap charsmap = one_rule("ab", "x\u00e9");
  EXPECT_EQ(charsmap.find("ab"), "x\u00e9");
  EXPECT_EQ(charsmap.find("abc"), "x\u00e9");
  EXPECT_EQ(charsmap.find("a"), std::nullopt);
  EXPECT_EQ(charsmap.find("b"), std::nullopt);
  EXPECT_EQ(charsmap.find(""), std::nullopt);
  EXPECT_FALSE(charsmap.changes_ascii('a'));
  EXPECT_TRUE(one_rule("a", "").changes_ascii('a'));
}

TEST(Charsmap, AReplacementWithoutItsNulEndsWithTheFile) {
  const auto charsmap = Charsmap::parse(charsmap_bytes(one_rule_units("a"), "xyz"), "f");
  EXPECT_EQ(charsmap.find("a"), "xyz");
}

TEST(Precompiled, AShortClusterIsReplacedWithItsMarks) {
  EXPECT_EQ(normalized(one_rule("a", "b"), "a\u0301 a"), "b b");
}

TEST(Precompiled, AClusterOfSixBytesIsReplacedByCharacters) {
  EXPECT_EQ(normalized(one_rule("a", "b"), "a\u0301\u0301\u0301"), "b\u0301\u0301\u0301");
}

TEST(Precompiled, ACarriageReturnAndALineFeedAreOneCluster) {
  EXPECT_EQ(normalized(one_rule("\r", " "), "x\r\ny\r\r"), "x y  ");
}

TEST(Precompiled, ASequenceOfCharactersIsARuleWithinACluster) {
  EXPECT_EQ(normalized(one_rule("e\u0301", "\u00e9"), "e\u0301 e"), "\u00e9 e");
}

TEST(Precompiled, WhatIsRemovedAtTheBeginMakesSourcesLagAsInThePackage) {
  NormalizedText text("abc", 10, true);
  normalizers::Precompiled(one_rule("a", "")).apply(text);
  EXPECT_EQ(text.bytes(), "bc");
  EXPECT_EQ(text.source(0, 1).begin, 10u);
  EXPECT_EQ(text.source(1, 2).end, 12u);
}

void expect_format_error(const std::string& bytes, std::string_view message) {
  test::expect_error<FormatError>([&] { Charsmap::parse(bytes, "f"); }, message);
}

TEST(Charsmap, RefusesFilesOfAWrongSize) {
  expect_format_error("", "f: expected a trie of 4 to 0 bytes in words of 4, got 0");
  expect_format_error("\1\0\0", "f: expected a trie of 4 to 0 bytes in words of 4, got 0");
  const std::string whole = charsmap_bytes(one_rule_units("a"), std::string("b\0", 2));
  expect_format_error(whole.substr(0, 100),
                      "f: expected a trie of 4 to 96 bytes in words of 4, got 3072");
  std::string odd = whole;
  odd[0] = '\1';
  expect_format_error(odd, "f: expected a trie of 4 to 3074 bytes in words of 4, got 3073");
  std::string huge = whole;
  huge.replace(0, 4, "\xff\xff\xff\xff");
  expect_format_error(huge, "f: expected a trie of 4 to 3074 bytes in words of 4, got 4294967295");
}

TEST(Charsmap, RefusesUnitsThatLeadOutside) {
  auto units = one_rule_units("a");
  units[0] = 0x3fffffu << 10 | 1u << 9;
  expect_format_error(charsmap_bytes(units, "b"),
                      "f: unit 0: expected children below 768, got 1073741568");
  units = one_rule_units("a");
  units.resize(700);
  expect_format_error(charsmap_bytes(units, "b"),
                      "f: unit 353: expected children below 700, got 512");
}

TEST(Charsmap, RefusesReplacementsOutsideOrInsideACharacter) {
  auto units = one_rule_units("a");
  units[512] |= 2;
  expect_format_error(charsmap_bytes(units, std::string("b\0", 2)),
                      "f: unit 353: expected a replacement that begins below 2, got 2");
  units[512] -= 1;
  expect_format_error(
      charsmap_bytes(units, std::string("\u00e9\0", 3)),
      "f: unit 353: expected a replacement that begins below 3, got 1, inside a character");
  expect_format_error(charsmap_bytes(one_rule_units("a"), "b\xff"),
                      "f: replacements: expected UTF-8, got an invalid byte at offset 1");
}

// Whatever passes the checks is safe to search: one bit of the trie flipped at a time.
TEST(Charsmap, WithAnyBitFlippedIsRefusedOrWorks) {
  const std::string whole = charsmap_bytes(one_rule_units("a\u0301"), std::string("b\0", 2));
  size_t num_refused = 0;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    try {
      const Charsmap charsmap = Charsmap::parse(bytes, "f");
      for (const std::string_view text : {"a\u0301", "a", "\u0301", "\u4e2d", "b"})
        charsmap.find(text);
    } catch (const FormatError&) {
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 50u);
  EXPECT_LT(num_refused, whole.size() * 8);
}

}  // namespace
}  // namespace nopad::text
