#include "nopad/core/shape.h"

#include <gtest/gtest.h>

#include <limits>
#include <span>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"

namespace nopad {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(Shape, AScalarHasOneElement) {
  const Shape scalar;
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.num_elements(), 1);
  EXPECT_TRUE(scalar.dims().empty());
  EXPECT_EQ(to_string(scalar), "[]");
}

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape({2, 3, 4}).num_elements(), 24);
  EXPECT_EQ(Shape({2, 0, 4}).num_elements(), 0);
  EXPECT_EQ(Shape({kMax}).num_elements(), kMax);
  EXPECT_EQ(to_string(Shape{2, 384}), "[2, 384]");
}

TEST(Shape, NegativeAxesCountFromTheEnd) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[2], 4);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape[-3], 2);
}

TEST(Shape, AxesBeyondTheRankAreRefused) {
  const Shape shape{2, 3};
  test::expect_error<ShapeError>([&] { shape[2]; }, "Shape: axis: expected one of [2, 3], got 2");
  test::expect_error<ShapeError>([&] { shape[-3]; }, "Shape: axis: expected one of [2, 3], got -3");
  EXPECT_THROW(shape[std::numeric_limits<int>::min()], ShapeError);
  EXPECT_THROW(shape[std::numeric_limits<int>::max()], ShapeError);
  EXPECT_THROW(Shape{}[0], ShapeError);
}

TEST(Shape, EightDimensionsAreTheMost) {
  const std::vector<int64_t> dims(9, 1);
  EXPECT_EQ(Shape(std::span(dims).first(8)).rank(), 8);
  test::expect_error<ShapeError>([&] { const Shape shape{std::span<const int64_t>(dims)}; },
                                 "Shape: rank: expected at most 8, got 9");
}

TEST(Shape, NegativeDimensionsAreRefused) {
  test::expect_error<ShapeError>(
      [] {
        const Shape shape({2, -1});
      },
      "Shape: dimension: expected 0 or more, got -1");
  EXPECT_THROW(Shape({0, -1}), ShapeError);
}

TEST(Shape, AProductBeyondInt64IsRefused) {
  EXPECT_EQ(Shape({int64_t{1} << 31, int64_t{1} << 31}).num_elements(), int64_t{1} << 62);
  test::expect_error<ShapeError>(
      [] {
        const Shape shape({int64_t{1} << 32, int64_t{1} << 31});
      },
      "Shape: [4294967296, 2147483648]: expected a product that fits in 63 bits");
  // This one wraps round to zero.
  EXPECT_THROW(Shape({int64_t{1} << 32, int64_t{1} << 32}), ShapeError);
  EXPECT_THROW(Shape({kMax, kMax, kMax}), ShapeError);
}

TEST(Shape, AZeroAnywhereMakesTheProductZeroWhateverTheOthers) {
  EXPECT_EQ(Shape({kMax, kMax, 0}).num_elements(), 0);
  EXPECT_EQ(Shape({0, kMax, kMax}).num_elements(), 0);
  EXPECT_EQ(Shape({kMax, 0, kMax}).num_elements(), 0);
}

TEST(Shape, EqualityIsOfRankAndDimensions) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2}), Shape({2, 0}));
  EXPECT_NE(Shape({0}), Shape{});
}

}  // namespace
}  // namespace nopad
