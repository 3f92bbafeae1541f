#include "text/base64.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad::text {
namespace {

TEST(Base64, WritesAndReadsBytesOfAnyNumber) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("\xfb\xff\xbe"), "+/++");
  for (const std::string_view bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"}) {
    EXPECT_EQ(from_base64(to_base64(bytes), "f"), bytes);
  }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  const auto expect = [](std::string_view text, std::string_view message) {
    test::expect_error<FormatError>([&] { from_base64(text, "f"); }, message);
  };
  expect("Zg=", "f: expected base64 of a multiple of 4 characters, got 3");
  expect("Zg\n=", "f: expected base64, got \"\\n\" at offset 2");
  expect("Z=g=", "f: expected base64, got \"=\" at offset 1");
  expect("====", "f: expected base64, got \"=\" at offset 0");
  expect("Zh==", "f: expected base64 of whole bytes, got bits beyond the last one");
  expect("A===", "f: expected base64, got \"=\" at offset 1");
}

}  // namespace
}  // namespace nopad::text
