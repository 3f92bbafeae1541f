#include "io/json.h"

#include <gtest/gtest.h>

#include <string>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::io {
namespace {

using nlohmann::json;
using test::expect_error;

std::string repeat(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

void expect_invalid(std::string_view text, std::string_view place) {
  expect_error<FormatError>([&] { parse_json(text, "f"); },
                            concat("f: ", place, ": expected valid JSON in UTF-8"));
}

TEST(ParseJson, GivesTheParsersValue) {
  const std::string text =
      R"({"a": [1, -2, 2.5, true, false, null, "x\u00e9", [], {}], "b": {"c": {"d": [[0]]}}, "e": ""})";
  EXPECT_EQ(parse_json(text, "f"), json::parse(text));
  EXPECT_EQ(parse_json("7", "f"), 7);
  EXPECT_EQ(parse_json(" \"x\"\n", "f"), "x");
}

TEST(ParseJson, NamesLineAndColumn) {
  expect_invalid("", "line 1, column 1");
  expect_invalid("{\"a\": 1,\n  \"b\": }", "line 2, column 8");
  expect_invalid("{} x", "line 1, column 4");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  expect_invalid("[NaN]", "line 1, column 2");
  expect_invalid("[1e400]", "line 1, column 6");
  expect_invalid("\xEF\xBB\xBF{}", "line 1, column 1");
  expect_invalid(std::string_view("{}\0", 3), "line 1, column 3");
  expect_invalid(std::string_view("{}\0x", 4), "line 1, column 3");
  expect_invalid("[\"\xff\"]", "line 1, column 3");
  expect_invalid(R"(["\ud800"])", "line 1, column 9");
}

TEST(ParseJson, KeyTwiceInAnObjectIsRefused) {
  expect_error<FormatError>([] { parse_json(R"({"a": {"b": 1, "b": 2}})", "f"); },
                            "f: key \"b\": expected once, got twice");
  EXPECT_EQ(parse_json(R"({"a": {"a": 1}, "b": {"a": 2}})", "f")["b"]["a"], 2);
}

TEST(ParseJson, DepthIsLimitedWithoutRecursion) {
  EXPECT_EQ(parse_json(repeat("[", 64) + repeat("]", 64), "f").size(), 1u);
  const std::string message = "f: nesting: expected at most 64 levels";
  expect_error<FormatError>([] { parse_json(repeat("[", 65) + repeat("]", 65), "f"); }, message);
  expect_error<FormatError>([] { parse_json(repeat("{\"a\":", 1000000), "f"); }, message);
}

TEST(Find, MissingAndNullAreNone) {
  const json object = json::parse(R"({"null": null})");
  EXPECT_FALSE(find_int(object, "none", "f"));
  EXPECT_FALSE(find_string(object, "null", "f"));
}

TEST(Find, GivesTypedValues) {
  const json object = json::parse(R"({"i": -7, "x": 1e-12, "b": true, "s": "text"})");
  EXPECT_EQ(find_int(object, "i", "f"), -7);
  EXPECT_EQ(find_number(object, "i", "f"), -7.0);
  EXPECT_EQ(find_number(object, "x", "f"), 1e-12);
  EXPECT_EQ(find_bool(object, "b", "f"), true);
  EXPECT_EQ(find_string(object, "s", "f"), "text");
}

TEST(Find, AnotherTypeIsNamed) {
  const json object = json::parse(R"({"s": "7", "x": 1.5, "i": 1, "u": 18446744073709551615})");
  expect_error<FormatError>([&] { find_int(object, "s", "f"); },
                            "f: s: expected an integer, got a string");
  expect_error<FormatError>([&] { find_int(object, "x", "f"); },
                            "f: x: expected an integer, got 1.5");
  expect_error<FormatError>([&] { find_int(object, "u", "f"); },
                            "f: u: expected an integer, got 18446744073709551615");
  expect_error<FormatError>([&] { find_bool(object, "i", "f"); },
                            "f: i: expected true or false, got 1");
  expect_error<FormatError>([&] { find_number(object, "s", "f"); },
                            "f: s: expected a number, got a string");
  expect_error<FormatError>([&] { find_string(object, "i", "f"); },
                            "f: i: expected a string, got 1");
  expect_error<FormatError>([&] { find_int(json::array(), "i", "f"); },
                            "f: expected an object, got an array");
}

TEST(Quote, EscapesAndCuts) {
  EXPECT_EQ(quote("a\"b\n\xc3\xa9"), R"("a\"b\n\u00e9")");
  EXPECT_EQ(quote(std::string_view("a\0", 2)), R"("a\u0000")");
  EXPECT_EQ(quote("\xff"), R"("\ufffd")");
  EXPECT_EQ(quote(std::string(100, 'x')), "\"" + std::string(80, 'x') + "\"...");
}

}  // namespace
}  // namespace nopad::io
