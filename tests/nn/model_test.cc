#include "nopad/nn/model.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/toy_layers.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "tolerance.h"

namespace nopad::nn {
namespace {

// mixes: the sum of two values over the same tokens.
class Sum : public LayerOf<Sum> {
 public:
  Sum() : LayerOf("Sum") {}
  MaskRule mask_rule() const noexcept override { return MaskRule::mixes; }
  Symbol operator()(const Symbol& a, const Symbol& b) const {
    return apply(std::vector{a, b}).front();
  }

 protected:
  std::vector<Value> call_values(std::span<const Value> inputs) const override {
    expect_inputs(inputs.size(), 2);
    const RaggedTensor& a = inputs[0].ragged();
    const RaggedTensor& b = inputs[1].ragged();
    expect_layout(b.layout(), a.layout(), "Sum: b", "a's");
    Tensor out = times(a.values(), 1);
    for (int64_t i = 0; i < out.num_elements(); ++i) {
      const auto at = static_cast<size_t>(i);
      out.mutable_values<float>()[at] += b.values().values<float>()[at];
    }
    return {a.with_values(std::move(out))};
  }
};

Tensor padded() {
  return Tensor::from_values<float>(std::vector<float>{1, 2, 3, 4, 0, 0, 0, 0, 0}, {3, 3});
}

TEST(Model, RunsAGraphOfSeveralInputsAndOutputs) {
  const Symbol x = input("x", Spec::dense({kAny}));
  const Symbol kept = Positive()(x);
  const Symbol factor = input("extra", Spec::ragged({}));
  const Symbol scaled = Scale(10)(kept);
  const Model model({x, factor}, {Sum()(kept, scaled), Count()(factor)});
  const RaggedTensor extra(Tensor::zeros({2}),
                           RaggedLayout::from_lengths(std::vector<int64_t>{0, 0, 2}));
  const std::vector<Value> out = model(std::vector<Value>{padded(), extra});
  test::expect_close(out[0].values().values<float>(), std::vector<float>{11, 22, 33, 44},
                     test::kExact);
  EXPECT_EQ(out[1].dense().values<int64_t>()[2], 2);
}

TEST(Model, ValuesOverOtherTokensDoNotGoTogether) {
  const Symbol x = input("x", Spec::ragged({}));
  const std::vector<Symbol> parts = HeadAndTail()(x);
  EXPECT_THROW(Sum()(parts[0], parts[1]), LayoutError);
  const Symbol y = input("y", Spec::ragged({}));
  EXPECT_THROW(Sum()(x, y), LayoutError);
  const Symbol same = input("same", Spec::ragged({}), x);
  EXPECT_NO_THROW(Sum()(x, same));
}

TEST(Model, AMaskThatWouldBeLostDoesNotBuild) {
  const Symbol x = input("x", Spec::dense({kAny}));
  EXPECT_THROW(DenseOnly()(Positive()(x)), LayoutError);
}

TEST(Model, ALayerUsedTwiceHasOneSetOfWeights) {
  const Scale scale;
  const Symbol x = input("x", Spec::ragged({}));
  const Model model(x, scale(scale(x)));
  ASSERT_EQ(model.parameters().size(), 1u);
  EXPECT_EQ(model.parameters()[0].name, "scale.factor");
  EXPECT_EQ(model.num_trained(), 1);
}

TEST(Model, IsALayerInOthers) {
  const Symbol x = input("x", Spec::dense({kAny}));
  const Model inner(x, Scale(7)(Positive()(x)));
  EXPECT_EQ(inner.mask_rule(), MaskRule::makes);
  const Sequential outer{inner, Scale(2), Count()};
  EXPECT_EQ(outer(padded()).dense().values<int64_t>()[1], 1);
  const Symbol y = input("y", Spec::dense({kAny}));
  const Model twice(y, Count()(inner(y)));
  EXPECT_EQ(twice(padded()).dense().values<int64_t>()[0], 3);
  EXPECT_EQ(twice.mask_rule(), MaskRule::refuses);
}

TEST(Model, WhatDoesNotFitItsInputIsNamed) {
  const Symbol ids = input("ids", Spec::ragged({3}));
  const Symbol features = input("features", Spec::ragged({3}), ids);
  const Model model({ids, features}, {Sum()(ids, features)});
  const auto of = [](std::vector<int64_t> lengths, int64_t tokens, int64_t width) {
    return RaggedTensor(Tensor::zeros({tokens, width}), RaggedLayout::from_lengths(lengths));
  };
  test::expect_error<ShapeError>(
      [&] {
        model(std::vector<Value>{of({2}, 2, 3), of({2}, 2, 4)});
      },
      "Model: features: expected [T, 3] f32, got [T, 4] f32");
  test::expect_error<LayoutError>(
      [&] {
        model(std::vector<Value>{of({2}, 2, 3), of({1, 1}, 2, 3)});
      },
      "Model: features: expected the first input's layout (B=1, T=2), got (B=2, T=2)");
  test::expect_error<ShapeError>([&] { model(std::vector<Value>{of({2}, 2, 3)}); },
                                 "Model: inputs: expected 2, got 1");
}

TEST(Model, TheOutputMayFollowAnyInput) {
  const Symbol source = input("source", Spec::ragged({}));
  const Symbol target = input("target", Spec::ragged({}));
  const Model model({source, target}, {Scale()(target)});
  EXPECT_EQ(model.mask_rule(), MaskRule::relays);
  const auto of = [](std::vector<int64_t> lengths, int64_t tokens) {
    return RaggedTensor(Tensor::zeros({tokens}), RaggedLayout::from_lengths(lengths));
  };
  const auto out = model(std::vector<Value>{of({2, 1}, 3), of({0, 1}, 1)});
  EXPECT_EQ(out[0].ragged().layout().num_tokens(), 1);
}

TEST(Model, AnInputThatIsMissingIsNamed) {
  const Symbol x = input("x", Spec::ragged({}));
  const Symbol y = input("y", Spec::ragged({}), x);
  test::expect_error<OptionError>(
      [&] { Model({x}, {Sum()(x, y)}); },
      "Model: inputs: expected 'y' among them, since an output depends on it");
}

}  // namespace
}  // namespace nopad::nn
