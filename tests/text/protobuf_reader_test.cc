#include "text/protobuf_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

TEST(ProtobufReader, ReadsEachKindOfField) {
  const std::string message = bytes({0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 0, 0,   0x80,
                                     0x3f, 0x21, 1,    0,    0, 0,   0,   0,    0, 0x80});
  ProtobufReader reader(message, "f");
  const auto number = reader.next(), text = reader.next(), real = reader.next();
  EXPECT_EQ(number->number, 1u);
  EXPECT_EQ(reader.as_int(*number), 150);
  EXPECT_TRUE(reader.as_bool(*number));
  EXPECT_EQ(reader.as_bytes(*text), "hi");
  EXPECT_EQ(reader.as_float(*real), 1.0f);
  const auto wide = reader.next();
  EXPECT_EQ(wide->wire, ProtobufField::Wire::fixed64);
  EXPECT_EQ(wide->value, 0x8000000000000001u);
  EXPECT_FALSE(reader.next().has_value());
}

TEST(ProtobufReader, ReadsNegativeNumbersOfTenBytes) {
  const std::string message =
      bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01});
  ProtobufReader reader(message, "f");
  EXPECT_EQ(reader.as_int(*reader.next()), -1);
}

void expect_malformed(const std::string& message, std::string_view error) {
  test::expect_error<FormatError>(
      [&] {
        ProtobufReader reader(message, "f");
        while (reader.next()) {
        }
      },
      error);
}

TEST(ProtobufReader, RefusesMalformedMessages) {
  expect_malformed(bytes({0x08}), "f: byte 1: expected a number, got the end");
  expect_malformed(bytes({0x08, 0x80}), "f: byte 1: expected a number, got the end");
  expect_malformed(bytes({0x12, 5, 'a'}), "f: byte 2: expected 5 bytes, got 1");
  expect_malformed(bytes({0x1d, 0, 0}), "f: byte 1: expected 4 bytes, got 2");
  expect_malformed(bytes({0x21, 0}), "f: byte 1: expected 8 bytes, got 1");
  expect_malformed(bytes({0x00}), "f: byte 0: expected a field number from 1 to 536870911, got 0");
  expect_malformed(bytes({0xf8, 0xff, 0xff, 0xff, 0x1f, 0}),
                   "f: byte 0: expected a field number from 1 to 536870911, got 1073741823");
  expect_malformed(bytes({0x0b}),
                   "f: byte 0: field 1: expected a number or bytes, got wire type 3");
  expect_malformed(bytes({0x0f}),
                   "f: byte 0: field 1: expected a number or bytes, got wire type 7");
  expect_malformed(bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}),
                   "f: byte 1: expected a number of at most 64 bits, got a longer one");
  expect_malformed(bytes({0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}),
                   "f: byte 11: expected 18446744073709551615 bytes, got 0");
}

TEST(ProtobufReader, RefusesAFieldOfAnotherKind) {
  const std::string message = bytes({0x08, 1});
  ProtobufReader reader(message, "f");
  const auto field = reader.next();
  test::expect_error<FormatError>([&] { reader.as_bytes(*field); },
                                  "f: field 1: expected wire type 2, got 0");
  test::expect_error<FormatError>([&] { reader.as_float(*field); },
                                  "f: field 1: expected wire type 5, got 0");
}

}  // namespace
}  // namespace nopad::text
