#include "nopad/text/lower_case.h"

#include <gtest/gtest.h>

namespace nopad::text {
namespace {

TEST(LowerCase, LowersEachCharacterByItself) {
  EXPECT_EQ(lower_case(""), "");
  EXPECT_EQ(lower_case("Hello ÄÖ"), "hello äö");
  EXPECT_EQ(lower_case("İ"), "i̇");
  EXPECT_EQ(lower_case("ΟΔΟΣ"), "οδοσ");
}

TEST(LowerCase, LeavesWhatIsNotUtf8ToTheTokenizerToRefuse) {
  EXPECT_EQ(lower_case("AB\xff"
                       "CD"),
            "ab\xff"
            "CD");
}

}  // namespace
}  // namespace nopad::text
