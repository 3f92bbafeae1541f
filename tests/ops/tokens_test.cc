#include "nopad/ops/tokens.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "gradients.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/ragged/convert.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::ops {
namespace {

using test::bools;
using test::list;
using test::tensor_of;
using List = std::vector<int64_t>;

// Ids in a padded batch where 0 is padding.
RaggedTensor from_ids(const Shape& shape, const List& ids) {
  const Tensor padded = tensor_of<int64_t>(shape, ids);
  return from_padded(padded, padded.to(DType::boolean));
}

RaggedTensor random_ragged(test::Random& random, const std::vector<int64_t>& lengths,
                           int64_t width) {
  const auto layout = RaggedLayout::from_lengths(lengths);
  return {random.tensor({layout.num_tokens(), width}), layout};
}

TEST(ConcatFeatures, PutsFeaturesSideBySide) {
  const auto layout = RaggedLayout::from_lengths(List{1, 0, 1});
  const RaggedTensor a(tensor_of<float>({2, 1}, {1, 2}), layout);
  const RaggedTensor b(tensor_of<float>({2, 2}, {3, 4, 5, 6}), layout);
  const RaggedTensor c = concat_features({a, b, a});
  EXPECT_EQ(list<float>(c.values()), (std::vector<float>{1, 3, 4, 1, 2, 5, 6, 2}));
  EXPECT_EQ(c.layout(), layout);
}

TEST(ConcatFeatures, OtherTokensAndRanksAreRefused) {
  const RaggedTensor a(Tensor::zeros({2, 1}), RaggedLayout::from_lengths(List{2, 0}));
  const RaggedTensor b(Tensor::zeros({2, 1}), RaggedLayout::from_lengths(List{1, 1}));
  test::expect_error<LayoutError>(
      [&] {
        concat_features({a, b});
      },
      "concat_features: tensor 1: expected the first's layout (B=2, T=2), got (B=2, T=2) whose "
      "sequence 0 has 1 tokens, not 2");
  const RaggedTensor flat(Tensor::zeros({2}), a.layout());
  test::expect_error<ShapeError>(
      [&] {
        concat_features({a, flat});
      },
      "concat_features: tensor 1: expected [T, ..., D], got [2]");
  test::expect_error<OptionError>([] { concat_features(std::vector<RaggedTensor>{}); },
                                  "concat_features: tensors: expected one or more, got none");
  const RaggedTensor wide(Tensor::zeros({2, 1}, DType::f64), a.layout());
  EXPECT_THROW(concat_features({a, wide}), DTypeError);
}

TEST(ConcatTokens, PutsEachSequencesTokensAfterItsOwn) {
  const RaggedTensor a = from_ids({3, 2}, {1, 2, 3, 0, 0, 0});
  const RaggedTensor b = from_ids({3, 2}, {4, 0, 5, 6, 0, 7});
  const RaggedTensor both = concat_tokens(a, b);
  EXPECT_EQ(list<int64_t>(both.values()), (List{1, 2, 4, 3, 5, 6, 7}));
  // As Keras: the padded batches and their masks side by side.
  EXPECT_EQ(list<int64_t>(to_padded(both)), (List{1, 2, 4, 0, 3, 0, 5, 6, 0, 0, 0, 7}));
}

TEST(ConcatTokens, OperandsThatDoNotFitAreRefused) {
  const RaggedTensor a(Tensor::zeros({2, 1}), RaggedLayout::from_lengths(List{2, 0}));
  const RaggedTensor b(Tensor::zeros({2, 1}), RaggedLayout::from_lengths(List{2}));
  test::expect_error<LayoutError>(
      [&] { concat_tokens(a, b); },
      "concat_tokens: b: expected as many sequences as a has, (B=2, T=2), got (B=1, T=2)");
  const RaggedTensor wide(Tensor::zeros({2, 3}), a.layout());
  EXPECT_THROW(concat_tokens(a, wide), ShapeError);
}

TEST(SliceColumns, TakesTheTokensThatStandThere) {
  const RaggedTensor x = from_ids({3, 4}, {1, 2, 3, 4, 0, 5, 0, 6, 7, 0, 0, 0});
  const RaggedTensor middle = slice_columns(x, 1, 3);
  EXPECT_EQ(list<int64_t>(middle.values()), (List{2, 3, 5}));
  EXPECT_EQ(list<int64_t>(to_padded(middle)), (List{2, 3, 5, 0, 0, 0}));
  EXPECT_EQ(slice_columns(x, 2, 2).layout().num_sequences(), 3);
  test::expect_error<ShapeError>(
      [&] { slice_columns(x, 2, 5); },
      "slice_columns: columns: expected a part of the padded width 4, got [2, 5)");
  EXPECT_THROW(slice_columns(x, -1, 2), ShapeError);
  EXPECT_THROW(slice_columns(x, 3, 2), ShapeError);
}

// The Keras notebook's TemporalSplit.
TEST(SplitColumns, CutsTheBatchAsItsMaskWouldBe) {
  const RaggedTensor x = from_ids({3, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 0, 3, 4, 5, 0, 0, 0});
  const std::vector<RaggedTensor> parts = split_columns(x, 2);
  ASSERT_EQ(parts.size(), 2u);
  test::expect_same_bits(parts[0].layout().keep(), bools({3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1}));
  test::expect_same_bits(parts[1].layout().keep(), bools({3, 3}, {1, 1, 1, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(list<int64_t>(parts[1].values()), (List{4, 5, 6, 1, 2}));
  test::expect_error<ShapeError>(
      [&] { split_columns(x, 4); },
      "split_columns: num_parts: expected a divisor of the padded width 6, got 4");
  EXPECT_THROW(split_columns(x, 0), ShapeError);
}

TEST(SplitColumns, ConcatTokensPutsThePartsTogether) {
  test::Random random(81);
  for (int round = 0; round < 50; ++round) {
    const Tensor keep = random.coins({random.integer(0, 5), 2 * random.integer(0, 9)});
    const Tensor padded = random.tensor({keep.dim(0), keep.dim(1), 3});
    const RaggedTensor x = from_padded(padded, keep);
    const auto parts = split_columns(x, 2);
    const RaggedTensor again = concat_tokens(parts[0], parts[1]);
    test::expect_same_bits(again.values(), x.values());
    test::expect_same_bits(again.layout().keep(), keep);
  }
}

TEST(DropTokens, KeepsColumns) {
  const RaggedTensor x = from_ids({2, 4}, {0, 1, 2, 3, 4, 5, 0, 0});
  const TokenMask keep = TokenMask::from_tensor(x.layout(), bools({5}, {1, 0, 1, 0, 1}));
  const RaggedTensor kept = drop_tokens(x, keep);
  EXPECT_EQ(list<int64_t>(kept.values()), (List{1, 3, 5}));
  EXPECT_EQ(list<int64_t>(to_padded(kept)), (List{0, 1, 0, 3, 0, 5, 0, 0}));
}

TEST(DropTokens, AMaskOverOtherTokensIsRefused) {
  const RaggedTensor x = from_ids({1, 2}, {1, 2});
  test::expect_error<LayoutError>(
      [&] { drop_tokens(x, TokenMask::all(RaggedLayout::from_lengths(List{3}))); },
      "drop_tokens: keep: expected x's layout (B=1, T=2), got (B=1, T=3)");
}

TEST(DropTokens, WhatIsDroppedReachesNeitherResultNorGradient) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Tensor leaf = tensor_of<float>({3}, {1, kNan, 3});
  autograd::require_grad(leaf);
  const RaggedTensor x(leaf, RaggedLayout::from_lengths(List{2, 1}));
  const RaggedTensor kept =
      drop_tokens(x, TokenMask::from_tensor(x.layout(), bools({3}, {1, 0, 1})));
  EXPECT_EQ(list<float>(kept.values()), (std::vector<float>{1, 3}));
  const auto gradients = autograd::backward(kept.values(), tensor_of<float>({2}, {5, 6}));
  EXPECT_EQ(list<float>(gradients.of(leaf)), (std::vector<float>{5, 0, 6}));
}

TEST(ReverseTokens, LeavesPaddingWhereItIs) {
  const RaggedTensor x = from_ids({3, 3}, {0, 1, 2, 3, 4, 0, 0, 0, 0});
  EXPECT_EQ(list<int64_t>(to_padded(reverse_tokens(x))), (List{0, 2, 1, 4, 3, 0, 0, 0, 0}));
  test::expect_same_bits(reverse_tokens(reverse_tokens(x)).values(), x.values());
}

TEST(ExpandToTokens, GivesEachTokenItsSequencesRow) {
  const auto layout = RaggedLayout::from_lengths(List{2, 0, 1});
  const RaggedTensor x = expand_to_tokens(tensor_of<float>({3, 1}, {5, 6, 7}), layout);
  EXPECT_EQ(list<float>(x.values()), (std::vector<float>{5, 5, 7}));
  EXPECT_EQ(x.layout(), layout);
  test::expect_error<ShapeError>(
      [&] {
        expand_to_tokens(Tensor::zeros({2, 1}), layout);
      },
      "expand_to_tokens: per_sequence: expected a row for each of 3 sequences, got [2, 1]");
  EXPECT_THROW(expand_to_tokens(Tensor::zeros({}), layout), ShapeError);
}

TEST(ExpandToTokens, AnEmptySequencesRowGetsAGradientOfZeros) {
  Tensor leaf = Tensor::zeros({3});
  autograd::require_grad(leaf);
  const RaggedTensor x = expand_to_tokens(leaf, RaggedLayout::from_lengths(List{2, 0, 1}));
  const auto gradients = autograd::backward(x.values(), tensor_of<float>({3}, {1, 2, 4}));
  EXPECT_EQ(list<float>(gradients.of(leaf)), (std::vector<float>{3, 0, 4}));
}

TEST(Tokens, BatchesEqualEachSequenceAlone) {
  test::Random random(82);
  for (int round = 0; round < 10; ++round) {
    const RaggedTensor x = random_ragged(random, random.lengths(4, 40), 3);
    test::expect_batch_equals_alone([](const RaggedTensor& t) { return reverse_tokens(t); }, x);
    test::expect_batch_equals_alone([](const RaggedTensor& t) { return concat_tokens(t, t); }, x);
    test::expect_batch_equals_alone(
        [](const RaggedTensor& t) {
          return concat_features({t, t});
        },
        x);
    test::expect_batch_equals_alone(
        [](const RaggedTensor& t) {
          return slice_columns(t, 0, std::min<int64_t>(1, t.layout().padded_width()));
        },
        x);
    test::expect_batch_equals_alone(
        [](const RaggedTensor& t) { return drop_tokens(t, TokenMask::all(t.layout())); }, x);
  }
}

TEST(Tokens, EmptyBatchesStayEmpty) {
  const RaggedTensor none(Tensor::zeros({0, 2}), {});
  EXPECT_EQ(concat_features({none, none}).values().shape(), Shape({0, 4}));
  EXPECT_EQ(concat_tokens(none, none).values().shape(), Shape({0, 2}));
  EXPECT_EQ(slice_columns(none, 0, 0).values().shape(), Shape({0, 2}));
  EXPECT_EQ(split_columns(none, 2).size(), 2u);
  EXPECT_EQ(drop_tokens(none, TokenMask::all({})).values().shape(), Shape({0, 2}));
  EXPECT_EQ(reverse_tokens(none).values().shape(), Shape({0, 2}));
  EXPECT_EQ(expand_to_tokens(Tensor::zeros({0, 2}), {}).values().shape(), Shape({0, 2}));
}

TEST(Tokens, EveryDtypeIsLaidOut) {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i8, DType::u8, DType::i32,
                            DType::i64, DType::boolean}) {
    const Tensor values = tensor_of<int64_t>({3}, {1, 0, 1}).to(dtype);
    const RaggedTensor x(values, RaggedLayout::from_lengths(List{2, 1}));
    const Tensor reversed = tensor_of<int64_t>({3}, {0, 1, 1}).to(dtype);
    test::expect_same_bits(reverse_tokens(x).values(), reversed);
    test::expect_same_bits(concat_tokens(x, x).values(),
                           tensor_of<int64_t>({6}, {1, 0, 1, 0, 1, 1}).to(dtype));
  }
}

TEST(Tokens, GradientsAgreeWithDifferences) {
  test::Random random(83);
  const auto layout = RaggedLayout::from_lengths(List{3, 0, 1, 2});
  const Tensor x = random.tensor({6, 2}).to(DType::f64);
  const Tensor rows = random.tensor({4, 2}).to(DType::f64);
  const TokenMask keep = TokenMask::from_tensor(layout, bools({6}, {1, 0, 1, 0, 1, 1}));
  const auto of_tokens = [&](const std::function<RaggedTensor(const RaggedTensor&)>& f) {
    test::expect_gradients(
        [&](std::span<const Tensor> in) {
          return f({in[0], layout}).values();
        },
        {x});
  };
  of_tokens([](const RaggedTensor& t) { return concat_features({t, t}); });
  of_tokens([](const RaggedTensor& t) { return concat_tokens(t, reverse_tokens(t)); });
  of_tokens([](const RaggedTensor& t) { return slice_columns(t, 1, 3); });
  of_tokens([](const RaggedTensor& t) { return split_columns(t, 3)[0]; });
  of_tokens([&](const RaggedTensor& t) { return drop_tokens(t, keep); });
  test::expect_gradients(
      [&](std::span<const Tensor> in) { return expand_to_tokens(in[0], layout).values(); }, {rows});
}

}  // namespace
}  // namespace nopad::ops
