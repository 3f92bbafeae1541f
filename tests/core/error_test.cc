#include "nopad/core/error.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "expect_error.h"
#include "nopad/core/dtype.h"
#include "nopad/core/shape.h"

namespace nopad {
namespace {

TEST(Error, ConcatJoinsTextOfEveryKind) {
  const std::string owned = "b";
  const std::string_view view = "c";
  EXPECT_EQ(concat("a", owned, view), "abc");
  EXPECT_EQ(concat(), "");
}

TEST(Error, ConcatWritesIntegersOfEverySizeAndSign) {
  EXPECT_EQ(concat(int8_t{-5}, " ", uint8_t{200}, " ", size_t{7}), "-5 200 7");
  EXPECT_EQ(concat(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(concat(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
}

TEST(Error, ConcatWritesFloatsAsShortAsTheyCanBeReadBack) {
  EXPECT_EQ(concat(0.1f, " ", 0.1, " ", 2.0f), "0.1 0.1 2");
  EXPECT_EQ(concat(std::numeric_limits<double>::quiet_NaN()), "nan");
}

TEST(Error, ConcatUsesToStringOfTheType) {
  EXPECT_EQ(concat(DType::bf16, " ", Shape{2, 3}), "bf16 [2, 3]");
}

TEST(Error, FailThrowsTheNamedTypeWithTheWholeMessage) {
  test::expect_error<FormatError>(
      [] { fail<FormatError>("a.json: layers: expected ", 1, ", got ", -1); },
      "a.json: layers: expected 1, got -1");
}

TEST(Error, EveryTypeCanBeCaughtAsError) {
  const auto is_caught = []<class E>(E error) {
    try {
      throw error;
    } catch (const Error& caught) {
      return std::string(caught.what()) == "why";
    }
  };
  EXPECT_TRUE(is_caught(ShapeError("why")));
  EXPECT_TRUE(is_caught(DTypeError("why")));
  EXPECT_TRUE(is_caught(LayoutError("why")));
  EXPECT_TRUE(is_caught(WeightError("why")));
  EXPECT_TRUE(is_caught(OptionError("why")));
  EXPECT_TRUE(is_caught(FileError("why")));
  EXPECT_TRUE(is_caught(FormatError("why")));
  EXPECT_TRUE(is_caught(InputError("why")));
  EXPECT_TRUE(is_caught(LimitError("why")));
  EXPECT_TRUE(is_caught(InternalError("why")));
}

}  // namespace
}  // namespace nopad
