#include "nopad/core/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad {
namespace {

constexpr std::array kAll = {Isa::portable, Isa::avx2, Isa::avx512, Isa::amx, Isa::amx_emulated};

TEST(Isa, NamesComeBackAsWhatTheyName) {
  for (const Isa isa : kAll) EXPECT_EQ(isa_from_string(to_string(isa)), isa);
  EXPECT_EQ(to_string(Isa::amx_emulated), "amx-emulated");
}

TEST(Isa, AutoIsTheBestOfThisMachine) { EXPECT_EQ(isa_from_string("auto"), best_isa()); }

TEST(Isa, UnknownNamesAreRefused) {
  for (const char* name : {"", "AVX2", "amx_emulated", "sse", "avx2 "}) {
    EXPECT_THROW(isa_from_string(name), OptionError) << name;
  }
  test::expect_error<OptionError>(
      [] { isa_from_string("sse4"); },
      "isa: expected auto, portable, avx2, avx512, amx or amx-emulated, got sse4");
}

TEST(Isa, SupportedOnesBeginWithPortableAndHoldTheBestAndTheEmulated) {
  const std::vector<Isa> supported = supported_isas();
  EXPECT_EQ(supported.front(), Isa::portable);
  EXPECT_TRUE(std::ranges::count(supported, best_isa()) == 1);
  EXPECT_TRUE(std::ranges::count(supported, Isa::amx_emulated) == 1);
  for (const Isa isa : kAll) {
    EXPECT_EQ(is_supported(isa), std::ranges::count(supported, isa) == 1) << to_string(isa);
  }
}

TEST(Isa, EachLevelHoldsTheOnesBelow) {
  if (is_supported(Isa::amx)) {
    EXPECT_TRUE(is_supported(Isa::avx512));
  }
  if (is_supported(Isa::avx512)) {
    EXPECT_TRUE(is_supported(Isa::avx2));
  }
  EXPECT_NE(best_isa(), Isa::amx_emulated);
}

TEST(Isa, VectorsOfTilesAreARealInstructionSetThatIsSupported) {
  EXPECT_EQ(vector_isa(Isa::amx), Isa::avx512);
  EXPECT_EQ(vector_isa(Isa::avx2), Isa::avx2);
  EXPECT_EQ(vector_isa(Isa::portable), Isa::portable);
  EXPECT_FALSE(has_tiles(vector_isa(Isa::amx_emulated)));
  EXPECT_TRUE(is_supported(vector_isa(Isa::amx_emulated)));
}

TEST(Isa, OnlyTheTwoAmxHaveTiles) {
  EXPECT_TRUE(has_tiles(Isa::amx));
  EXPECT_TRUE(has_tiles(Isa::amx_emulated));
  EXPECT_FALSE(has_tiles(Isa::avx512));
  EXPECT_FALSE(has_tiles(Isa::avx2));
  EXPECT_FALSE(has_tiles(Isa::portable));
}

}  // namespace
}  // namespace nopad
