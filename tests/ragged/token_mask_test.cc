#include "nopad/ragged/token_mask.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "expect_error.h"
#include "nopad/core/error.h"
#include "random.h"
#include "tolerance.h"

namespace nopad {
namespace {

RaggedLayout layout_of(const std::vector<int64_t>& lengths) {
  return RaggedLayout::from_lengths(lengths);
}

Tensor bools(const Shape& shape, const std::vector<int>& values) {
  Tensor out = Tensor::empty(shape, DType::boolean);
  for (size_t i = 0; i < values.size(); ++i) out.mutable_values<bool>()[i] = values[i] != 0;
  return out;
}

TokenMask mask_of(const std::vector<int64_t>& lengths, const std::vector<int>& keep) {
  return TokenMask::from_tensor(layout_of(lengths), bools({std::ssize(keep)}, keep));
}

std::vector<int> list(const TokenMask& mask) { return {mask.keep().begin(), mask.keep().end()}; }

TEST(TokenMask, AllAndNoneCountTheirTokens) {
  const auto layout = layout_of({3, 0, 2});
  EXPECT_EQ(list(TokenMask::all(layout)), (std::vector<int>{1, 1, 1, 1, 1}));
  EXPECT_EQ(list(TokenMask::none(layout)), (std::vector<int>{0, 0, 0, 0, 0}));
  EXPECT_EQ(TokenMask::all(layout).num_kept(), 5);
  EXPECT_EQ(TokenMask::none(layout).num_kept(), 0);
}

TEST(TokenMask, CountsWhatEachSequenceKeeps) {
  const TokenMask mask = mask_of({3, 0, 2}, {1, 0, 1, 0, 1});
  EXPECT_EQ(mask.num_kept(), 3);
  EXPECT_EQ(mask.num_kept(0), 2);
  EXPECT_EQ(mask.num_kept(1), 0);
  EXPECT_EQ(mask.num_kept(2), 1);
}

TEST(TokenMask, WithoutTokensNothingIsKept) {
  EXPECT_EQ(TokenMask().num_kept(), 0);
  EXPECT_EQ(TokenMask::all({}).num_kept(), 0);
  EXPECT_EQ(TokenMask::all(layout_of({0, 0})).to_dense().shape(), Shape({2, 0}));
}

TEST(TokenMask, FromTensorCopies) {
  Tensor keep = bools({2}, {1, 0});
  const TokenMask mask = TokenMask::from_tensor(layout_of({2}), keep);
  keep.mutable_values<bool>()[1] = true;
  EXPECT_EQ(list(mask), (std::vector<int>{1, 0}));
}

TEST(TokenMask, FromTensorRefusesOtherShapesAndDtypes) {
  const auto layout = layout_of({2, 1});
  test::expect_error<ShapeError>(
      [&] {
        TokenMask::from_tensor(layout, bools({2}, {1, 0}));
      },
      "TokenMask: keep: expected [3], got [2]");
  test::expect_error<ShapeError>(
      [&] {
        TokenMask::from_tensor(layout, bools({1, 3}, {1, 0, 1}));
      },
      "TokenMask: keep: expected [3], got [1, 3]");
  test::expect_error<DTypeError>(
      [&] { TokenMask::from_tensor(layout, Tensor::zeros({3}, DType::i64)); },
      "TokenMask: keep: expected bool, got i64");
}

TEST(TokenMask, FromDenseTakesTheExistingTokens) {
  const TokenMask mask =
      TokenMask::from_dense(layout_of({3, 1}), bools({2, 3}, {0, 1, 1, 1, 0, 0}));
  EXPECT_EQ(list(mask), (std::vector<int>{0, 1, 1, 1}));
}

TEST(TokenMask, FromDenseFollowsLeftPaddingAndHoles) {
  const auto layout = RaggedLayout::from_keep(bools({2, 4}, {0, 0, 1, 1, 1, 0, 0, 1}));
  const Tensor dense = bools({2, 4}, {0, 0, 1, 0, 0, 0, 0, 1});
  const TokenMask mask = TokenMask::from_dense(layout, dense);
  EXPECT_EQ(list(mask), (std::vector<int>{1, 0, 0, 1}));
  test::expect_same_bits(mask.to_dense(), dense);
}

TEST(TokenMask, FromDenseRefusesSelectedPadding) {
  test::expect_error<LayoutError>(
      [] {
        TokenMask::from_dense(layout_of({3, 1}), bools({2, 3}, {0, 1, 1, 1, 1, 0}));
      },
      "TokenMask: keep: expected only tokens of (B=2, T=4), got padding at [1, 1]");
  const auto hole = RaggedLayout::from_keep(bools({1, 3}, {1, 0, 1}));
  EXPECT_THROW(TokenMask::from_dense(hole, bools({1, 3}, {1, 1, 1})), LayoutError);
}

TEST(TokenMask, FromDenseRefusesOtherShapesAndDtypes) {
  const auto layout = layout_of({3, 1});
  test::expect_error<ShapeError>(
      [&] {
        TokenMask::from_dense(layout, bools({2, 2}, {1, 1, 1, 1}));
      },
      "TokenMask: keep: expected [2, 3], got [2, 2]");
  EXPECT_THROW(TokenMask::from_dense(layout, Tensor::zeros({2, 3})), DTypeError);
}

TEST(TokenMask, CombinesTokenByToken) {
  const std::vector<int64_t> lengths = {1, 3};
  const TokenMask a = mask_of(lengths, {0, 0, 1, 1});
  const TokenMask b = mask_of(lengths, {0, 1, 0, 1});
  EXPECT_EQ(list(a & b), (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(list(a | b), (std::vector<int>{0, 1, 1, 1}));
  EXPECT_EQ(list(~a), (std::vector<int>{1, 1, 0, 0}));
  EXPECT_EQ(list(a), (std::vector<int>{0, 0, 1, 1}));
}

TEST(TokenMask, CombiningOverDifferentLayoutsIsRefused) {
  const TokenMask a = TokenMask::all(layout_of({2, 1}));
  const TokenMask b = TokenMask::all(layout_of({1, 2}));
  test::expect_error<LayoutError>(
      [&] { a& b; },
      "operator&: keep: expected the first mask's layout (B=2, T=3), got "
      "(B=2, T=3) whose sequence 0 has 1 tokens, not 2");
  EXPECT_THROW(a | TokenMask::all(layout_of({3})), LayoutError);
}

TEST(TokenMask, ExpectLayoutNamesTheOp) {
  const TokenMask keep = TokenMask::all(layout_of({10, 4, 6}));
  test::expect_error<LayoutError>(
      [&] {
        keep.expect_layout(layout_of({10, 4, 7}), "attention", "the query");
      },
      "attention: keep: expected the query's layout (B=3, T=21), got (B=3, T=20)");
  EXPECT_NO_THROW(keep.expect_layout(layout_of({10, 4, 6}), "attention", "the query"));
}

TEST(TokenMask, RandomOnesComeBackThroughDense) {
  test::Random random(21);
  for (int round = 0; round < 300; ++round) {
    const auto layout =
        RaggedLayout::from_keep(random.coins({random.integer(0, 5), random.integer(0, 35)}));
    const TokenMask mask = TokenMask::from_tensor(layout, random.coins({layout.num_tokens()}));
    test::expect_same_bits(TokenMask::from_dense(layout, mask.to_dense()).to_tensor(),
                           mask.to_tensor());
    EXPECT_EQ(mask.num_kept() + (~mask).num_kept(), layout.num_tokens());
    EXPECT_EQ((mask & ~mask).num_kept(), 0);
    test::expect_same_bits(TokenMask::all(layout).to_dense(), layout.keep());
  }
}

}  // namespace
}  // namespace nopad
