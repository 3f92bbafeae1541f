#include "nopad/nn/merge.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/core/error.h"
#include "nopad/nn/model.h"
#include "nopad/ragged/padded.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

constexpr MergeConfig kEither{.merge_masks = MergeMasks::any};
constexpr MergeConfig kBoth{.merge_masks = MergeMasks::all};

// Columns [1 1 0] and [0 1 1], and a sequence that only the second one has.
RaggedTensor left() {
  return {test::tensor_of<float>({2, 1}, {1, 2}),
          RaggedLayout::from_keep(test::bools({2, 3}, {1, 1, 0, 0, 0, 0}))};
}
RaggedTensor right() {
  return {test::tensor_of<float>({3, 1}, {10, 20, 30}),
          RaggedLayout::from_keep(test::bools({2, 3}, {0, 1, 1, 1, 0, 0}))};
}

std::vector<float> values(const RaggedTensor& x) { return test::list<float>(x.values()); }

TEST(Merge, TheSameTokensMergeOneByOne) {
  const RaggedTensor a = left(), b = a.with_values(test::tensor_of<float>({2, 1}, {5, -6}));
  EXPECT_EQ(values(Add()(a, b)), (std::vector<float>{6, -4}));
  EXPECT_EQ(values(Subtract()(a, b)), (std::vector<float>{-4, 8}));
  EXPECT_EQ(values(Multiply()(a, b)), (std::vector<float>{5, -12}));
  EXPECT_EQ(values(Average()(a, b)), (std::vector<float>{3, -2}));
  EXPECT_EQ(values(Maximum()(a, b)), (std::vector<float>{5, 2}));
  EXPECT_EQ(values(Minimum()(a, b)), (std::vector<float>{1, -6}));
  EXPECT_EQ(values(Add()(a, b, a)), (std::vector<float>{7, -2}));
  EXPECT_EQ(values(Concatenate()(a, b)), (std::vector<float>{1, 5, 2, -6}));
}

TEST(Merge, DenseRowsMergePlainly) {
  const Tensor a = test::tensor_of<float>({2, 1}, {1, 2}),
               b = test::tensor_of<float>({2, 1}, {3, 5});
  EXPECT_EQ(test::list<float>(Add()(a, b)), (std::vector<float>{4, 7}));
  EXPECT_EQ(test::list<float>(Average()(a, b, b)), (std::vector<float>{7.0f / 3, 4}));
  EXPECT_EQ(test::list<float>(Concatenate()(a, b)), (std::vector<float>{1, 3, 2, 5}));
}

TEST(Merge, AnyKeepsATokenThatEitherHas) {
  const RaggedTensor sum = Add(kEither)(left(), right());
  test::expect_same_bits(sum.layout().keep(), test::bools({2, 3}, {1, 1, 1, 1, 0, 0}));
  EXPECT_EQ(values(sum), (std::vector<float>{1, 12, 20, 30}));
  EXPECT_EQ(values(Subtract(kEither)(left(), right())), (std::vector<float>{1, -8, -20, -30}));
  EXPECT_EQ(values(Multiply(kEither)(left(), right())), (std::vector<float>{1, 20, 20, 30}));
  EXPECT_EQ(values(Average(kEither)(left(), right())), (std::vector<float>{1, 6, 20, 30}));
  EXPECT_EQ(values(Maximum(kEither)(left(), right())), (std::vector<float>{1, 10, 20, 30}));
  EXPECT_EQ(values(Minimum(kEither)(left(), right())), (std::vector<float>{1, 2, 20, 30}));
  EXPECT_EQ(values(Concatenate({.merge_masks = MergeMasks::any})(left(), right())),
            (std::vector<float>{1, 0, 2, 10, 0, 20, 0, 30}));
}

TEST(Merge, AllKeepsATokenThatBothHave) {
  const RaggedTensor sum = Add(kBoth)(left(), right());
  test::expect_same_bits(sum.layout().keep(), test::bools({2, 3}, {0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(values(sum), std::vector<float>{12});
  EXPECT_EQ(values(Average(kBoth)(left(), right())), std::vector<float>{6});
}

TEST(Merge, ADenseRowStandsForAllTokensWhereAsked) {
  const std::vector<Value> inputs = {left(), test::tensor_of<float>({2, 1}, {100, 200})};
  EXPECT_EQ(values(Add({.broadcast_dense = true})(inputs).ragged()),
            (std::vector<float>{101, 102}));
  const std::vector<Value> three = {left(), inputs[1], right()};
  const Average average({.merge_masks = MergeMasks::any, .broadcast_dense = true});
  EXPECT_EQ(values(average(three).ragged()), (std::vector<float>{50.5f, 112.0f / 3, 60, 115}));
  test::expect_error<LayoutError>(
      [&] { Add()(inputs); },
      "Add: input 1: expected tokens, got the dense [2, 1]; give broadcast_dense if each of its "
      "rows stands for all tokens of a sequence, or take its padding out first");
}

TEST(Concatenate, OverTokensItPutsSequencesOneAfterTheOther) {
  const Concatenate over_tokens({.axis = ConcatAxis::tokens});
  const RaggedTensor out = over_tokens(left(), right(), left());
  EXPECT_EQ(values(out), (std::vector<float>{1, 2, 10, 20, 1, 2, 30}));
  test::expect_same_bits(out.layout().keep(), test::bools({2, 9}, {1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0,
                                                                   0, 1, 0, 0, 0, 0, 0}));
  EXPECT_THROW(over_tokens(Tensor::zeros({2, 1}), Tensor::zeros({2, 1})), LayoutError);
}

// Keras takes `any` and computes on what stands in the padding, so it can be compared where all of
// the inputs have a token, and its masks everywhere.
template <class L>
void expect_as_keras(const std::string& name) {
  SCOPED_TRACE(name);
  const test::RecordedCase recorded("layers/keras_merging", name);
  const RaggedTensor a = recorded.ragged("a", "a_keep"), b = recorded.ragged("b", "b_keep");
  typename L::Config any{}, all{};
  any.merge_masks = MergeMasks::any;
  all.merge_masks = MergeMasks::all;
  test::expect_same_bits(L(any)(a, b).layout().keep(), recorded.tensor("output_keep"));
  const RaggedTensor both = L(all)(a, b);
  ASSERT_GT(both.layout().num_tokens(), 0);
  const RaggedTensor expected = from_padded(recorded.tensor("output"), both.layout().keep());
  test::expect_close(both.values(), expected.values(), test::kRecorded);
}

TEST(Merge, EqualsKerasWhereAllHaveATokenAndItsMasksEverywhere) {
  expect_as_keras<Add>("add");
  expect_as_keras<Subtract>("subtract");
  expect_as_keras<Multiply>("multiply");
  expect_as_keras<Average>("average");
  expect_as_keras<Maximum>("maximum");
  expect_as_keras<Minimum>("minimum");
  expect_as_keras<Concatenate>("concatenate_features");
}

TEST(Concatenate, OverTokensItEqualsKeras) {
  const test::RecordedCase recorded("layers/keras_merging", "concatenate_time");
  const RaggedTensor out = Concatenate({.axis = ConcatAxis::tokens})(
      recorded.ragged("a", "a_keep"), recorded.ragged("b", "b_keep"));
  test::expect_same_bits(out.layout().keep(), recorded.tensor("output_keep"));
  test::expect_close(out.values(), recorded.ragged("output", "output_keep").values(),
                     test::kRecorded);
}

TEST(Merge, GradientsAgreeWithDifferences) {
  for (const MergeConfig& config : {kEither, kBoth}) {
    test::expect_layer_gradients(Add(config), {left(), right()});
    test::expect_layer_gradients(Subtract(config), {left(), right()});
    test::expect_layer_gradients(Multiply(config), {left(), right()});
    test::expect_layer_gradients(Average(config), {left(), right()});
    test::expect_layer_gradients(Maximum(config), {left(), right()});
    test::expect_layer_gradients(Minimum(config), {left(), right()});
    test::expect_layer_gradients(Concatenate({.merge_masks = config.merge_masks}),
                                 {left(), right()});
  }
  test::expect_layer_gradients(Multiply({.broadcast_dense = true}),
                               {left(), test::Random(1).tensor({2, 1})});
  test::expect_layer_gradients(Concatenate({.axis = ConcatAxis::tokens}), {left(), right()});
}

TEST(Merge, ASequenceInABatchIsTheSequenceAlone) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::array<int64_t, 5>{3, 0, 1, 9, 4});
  const RaggedTensor x(test::Random(1).tensor({layout.num_tokens(), 5}), layout);
  for (const MergeMasks masks : {MergeMasks::same, MergeMasks::any, MergeMasks::all}) {
    const MergeConfig config{.merge_masks = masks};
    test::expect_batch_equals_alone([&](const RaggedTensor& a) { return Average(config)(a, a); },
                                    x);
    test::expect_batch_equals_alone([&](const RaggedTensor& a) { return Maximum(config)(a, a); },
                                    x);
  }
}

TEST(Merge, ANanOfATokenThatIsNotKeptReachesNothing) {
  RaggedTensor a = left();
  a.values().rows(0, 1).mutable_values<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  Tensor leaf = a.values();
  autograd::require_grad(leaf);
  const RaggedTensor out = Multiply(kBoth)(a.with_values(leaf), right());
  EXPECT_EQ(values(out), std::vector<float>{20});
  const auto gradients = autograd::backward(out.values(), test::tensor_of<float>({1, 1}, {1}));
  EXPECT_EQ(test::list<float>(gradients.of(leaf)), (std::vector<float>{0, 10}));
}

TEST(Merge, NoTokensGiveNone) {
  const RaggedTensor none(Tensor::zeros({0, 2}), RaggedLayout());
  for (const MergeMasks masks : {MergeMasks::same, MergeMasks::any, MergeMasks::all}) {
    EXPECT_EQ(Average({.merge_masks = masks})(none, none).values().shape(), (Shape{0, 2}));
  }
  EXPECT_EQ(Concatenate({.axis = ConcatAxis::tokens})(none, none).values().shape(), (Shape{0, 2}));
}

TEST(Merge, BuildsOnSymbols) {
  const Symbol x = input("x", Spec::ragged({3})), y = input("y", Spec::ragged({3}));
  EXPECT_EQ(Add()(x, x).spec(), x.spec());
  EXPECT_THROW(Add()(x, y), LayoutError);
  const Symbol merged = Add(kEither)(x, y);
  EXPECT_EQ(to_string(merged.spec()), "[T, 3] f32");
  EXPECT_NE(merged.spec().layout, x.spec().layout);
  EXPECT_EQ(to_string(Concatenate()(x, x).spec()), "[T, 6] f32");
}

TEST(Merge, SaysWhatDoesNotFit) {
  test::expect_error<LayoutError>(
      [] { Add()(left(), right()); },
      "Add: inputs: expected the same tokens in each, got (B=2, T=2) and (B=2, T=3); choose "
      "MergeMasks::any to keep a token that either has, or MergeMasks::all for those that both "
      "have");
  const RaggedTensor one(Tensor::zeros({1, 1}),
                         RaggedLayout::from_lengths(std::array<int64_t, 1>{1}));
  test::expect_error<LayoutError>(
      [&] { Maximum{kEither}(left(), one); },
      "Maximum: inputs: expected as many sequences in each, got (B=2, T=2) and (B=1, T=1)");
  test::expect_error<ShapeError>([] { Add()(left()); }, "Add: inputs: expected two or more, got 1");
  test::expect_error<ShapeError>([] { Subtract()(left(), left(), left()); },
                                 "Subtract: inputs: expected 2, got 3");
  test::expect_error<LayoutError>(
      [] {
        Add{kEither}(Tensor::zeros({2, 1}), Tensor::zeros({2, 1}));
      },
      "Add: inputs: expected tokens, whose masks are to be merged, got dense [2, 1]; dense values "
      "merge with MergeMasks::same");
  test::expect_error<ShapeError>(
      [] {
        Add()(Tensor::zeros({2, 1}), Tensor::zeros({1, 1}));
      },
      "Add: input 1: expected the rank and rows of [2, 1], got [1, 1]");
}

}  // namespace
}  // namespace nopad::nn
