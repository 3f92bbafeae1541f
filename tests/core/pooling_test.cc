#include "nopad/core/pooling.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad {
namespace {

TEST(Pooling, NamesAreThoseOfSentenceTransformersAndComeBack) {
  EXPECT_EQ(to_string(Pooling::mean_sqrt_length), "mean_sqrt_len");
  EXPECT_EQ(to_string(Pooling::weighted_mean), "weightedmean");
  EXPECT_EQ(to_string(Pooling::last_token), "lasttoken");
  for (const Pooling pooling :
       {Pooling::cls, Pooling::max, Pooling::mean, Pooling::mean_sqrt_length,
        Pooling::weighted_mean, Pooling::last_token}) {
    EXPECT_EQ(pooling_from_string(to_string(pooling)), pooling);
  }
}

TEST(Pooling, UnknownNamesAreRefused) {
  test::expect_error<OptionError>(
      [] { pooling_from_string("Mean"); },
      "pooling: expected cls, max, mean, mean_sqrt_len, weightedmean or lasttoken, got Mean");
}

}  // namespace
}  // namespace nopad
