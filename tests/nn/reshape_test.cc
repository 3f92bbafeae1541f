#include "nopad/nn/reshape.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/nn/time_distributed.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

TEST(Flatten, JoinsTheAxesOfARow) {
  const Tensor x = test::Random(1).tensor({2, 3, 4});
  const Tensor out = Flatten()(x);
  EXPECT_EQ(out.shape(), (Shape{2, 12}));
  test::expect_same_bits(out.reshape({2, 3, 4}), x);
  EXPECT_EQ(Flatten()(Tensor::zeros({5})).shape(), (Shape{5, 1}));
  EXPECT_EQ(Flatten()(Tensor::zeros({0, 3, 4})).shape(), (Shape{0, 12}));
}

TEST(Flatten, RefusesTokensAndWorksOnEachOfThem) {
  const Symbol x = input("x", Spec::ragged({2, 3}));
  EXPECT_THROW(Flatten()(x), LayoutError);
  EXPECT_EQ(to_string(TimeDistributed(Flatten())(x).spec()), "[T, 6] f32");
  const Value tokens =
      RaggedTensor(Tensor::zeros({3, 2}), RaggedLayout::from_lengths(std::array<int64_t, 2>{1, 2}));
  test::expect_error<LayoutError>(
      [&] {
        Flatten().apply({&tokens, 1});
      },
      "Flatten: input: expected a dense tensor, got [3, 2] over the layout (B=2, T=3), which would "
      "be lost; pool the tokens first, or end the mask on purpose with DropMask");
}

TEST(Reshape, GivesRowsAnotherShape) {
  const Tensor x = test::Random(1).tensor({2, 6});
  EXPECT_EQ(Reshape({.shape = {3, 2}})(x).shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(Reshape({.shape = {-1, 2}})(x).shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(Reshape({.shape = {-1, 2}})(Tensor::zeros({0, 6})).shape(), (Shape{0, 3, 2}));
  test::expect_layer_gradients(Reshape({.shape = {2, 3}}), {x});
  test::expect_layer_gradients(Flatten(), {x});
}

TEST(Reshape, SaysWhatDoesNotFit) {
  test::expect_error<ShapeError>(
      [] {
        Reshape({.shape = {4}})(Tensor::zeros({2, 6}));
      },
      "Reshape: input: expected rows that fit [4], got [6]");
  EXPECT_THROW(Reshape({.shape = {-1, 4}})(Tensor::zeros({2, 6})), ShapeError);
  EXPECT_THROW(Reshape({.shape = {-1, -1}})(Tensor::zeros({2, 6})), ShapeError);
}

}  // namespace
}  // namespace nopad::nn
