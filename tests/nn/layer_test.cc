#include "nopad/nn/layer.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/toy_layers.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "tolerance.h"

namespace nopad::nn {
namespace {

RaggedTensor tokens(std::initializer_list<float> values, std::vector<int64_t> lengths) {
  return {Tensor::from_values<float>(values, {static_cast<int64_t>(values.size())}),
          RaggedLayout::from_lengths(lengths)};
}

TEST(Layer, WeightsComeToBeAtTheFirstCall) {
  const Scale scale;
  EXPECT_FALSE(scale.is_built());
  EXPECT_TRUE(scale.parameters().empty());
  const RaggedTensor out = scale(tokens({1, 2, 3}, {1, 0, 2}));
  test::expect_same_bits(out.values(), tokens({2, 4, 6}, {3}).values());
  ASSERT_EQ(scale.parameters().size(), 1u);
  EXPECT_EQ(scale.parameters()[0].name, "factor");
  EXPECT_TRUE(autograd::needs_grad(*scale.parameters()[0].parameter));
}

TEST(Layer, CopiesAreTheSameLayer) {
  const Scale scale;
  const Scale copy = scale;
  scale(tokens({1}, {1}));
  scale.train();
  EXPECT_TRUE(copy.is_built());
  EXPECT_TRUE(copy.is_training());
  copy.parameters()[0].parameter.assign(Tensor::from_values<float>(std::vector{5.0f}, {1}));
  EXPECT_EQ(scale(tokens({1}, {1})).values().values<float>()[0], 5.0f);
  EXPECT_TRUE(scale.is_same(copy));
  EXPECT_FALSE(scale.is_same(Scale()));
}

TEST(Layer, AParameterKeepsItsShape) {
  const Scale scale;
  scale(tokens({1}, {1}));
  test::expect_error<WeightError>(
      [&] { scale.parameters()[0].parameter.assign(Tensor::zeros({2})); },
      "factor: expected [1], got [2]");
}

TEST(Layer, ToConvertsWhatThereIsAndWhatWillBe) {
  const Scale built, unbuilt;
  built(tokens({1}, {1}));
  built.to(DType::f64);
  unbuilt.to(DType::f64);
  const Spec spec = Spec::ragged({});
  unbuilt.build(std::span(&spec, 1));
  EXPECT_EQ(built.parameters()[0].parameter->dtype(), DType::f64);
  EXPECT_EQ(unbuilt.parameters()[0].parameter->dtype(), DType::f64);
}

// Claims to mix, and changes the tokens.
class Liar : public SequenceLayer<Liar> {
 public:
  Liar() : SequenceLayer("Liar") {}

 protected:
  RaggedTensor call(const RaggedTensor& x) const override { return HeadAndTail()(x)[1]; }
};

TEST(Layer, ALayerThatBreaksItsRuleIsCaughtAtEveryCall) {
  test::expect_error<LayoutError>(
      [] {
        Liar()(tokens({1, 2, 3}, {1, 2}));
      },
      "Liar: output: expected the input's layout (B=2, T=3) since its rule is mixes, got (B=2, "
      "T=1); a layer that changes the tokens is a RelayingLayer");
}

TEST(Layer, OneThatRefusesTokensSaysWhatToDo) {
  const Value x = tokens({1, 2, 3}, {1, 2});
  test::expect_error<LayoutError>(
      [&] { DenseOnly().apply(std::span(&x, 1)); },
      "DenseOnly: input: expected a dense tensor, got [3] over the layout (B=2, T=3), which would "
      "be lost; pool the tokens first, or end the mask on purpose with DropMask");
}

TEST(Layer, OneThatNeedsTokensSaysWhereTheyComeFrom) {
  const Value x = Tensor::zeros({2, 3});
  test::expect_error<LayoutError>(
      [&] { Count().apply(std::span(&x, 1)); },
      "Count: input: expected tokens and their layout, got the dense [2, 3]; take its padding out "
      "first: Embedding, Masking or from_padded");
}

// Claims to pass, and hands each token its neighbour's value.
class Neighbour : public TokenLayer<Neighbour> {
 public:
  Neighbour() : TokenLayer("Neighbour") {}

 protected:
  Tensor call(const Tensor& rows) const override {
    Tensor out = times(rows, 1);
    const auto values = out.mutable_values<float>();
    std::rotate(values.begin(), values.end() - (values.empty() ? 0 : 1), values.end());
    return out;
  }
};

TEST(CheckCall, ATokenLayerThatLooksAtItsNeighboursDoesNotBuild) {
  const Symbol x = input("x", Spec::ragged({}));
  EXPECT_THROW(Neighbour()(x), LayoutError);
  EXPECT_NO_THROW(Neighbour()(tokens({1, 2}, {2})));  // a call alone can't tell
}

TEST(CheckCall, ShapesAndLayoutsAreFoundByTrying) {
  const Symbol x = input("x", Spec::dense({kAny}));
  const Symbol kept = Positive()(x);
  EXPECT_EQ(to_string(x.spec()), "[B, ?] f32");
  EXPECT_EQ(to_string(kept.spec()), "[T] f32");
  const Symbol scaled = Scale()(kept);
  EXPECT_EQ(scaled.spec().layout, kept.spec().layout);
  const std::vector<Symbol> parts = HeadAndTail()(scaled);
  EXPECT_NE(parts[0].spec().layout, scaled.spec().layout);
  EXPECT_NE(parts[0].spec().layout, parts[1].spec().layout);
  EXPECT_EQ(to_string(Count()(parts[1]).spec()), "[B] i64");
}

TEST(Initializer, TheSameSeedGivesTheSameWeightsOneAfterAnother) {
  const auto draw = [](uint64_t seed) {
    const SeedScope scope(seed);
    return std::vector{make_initialized(Initializer::normal(1), {5}, DType::f32),
                       make_initialized(Initializer::normal(1), {5}, DType::f32)};
  };
  test::expect_same_bits(draw(3)[1], draw(3)[1]);
  EXPECT_NE(draw(3)[0].values<float>()[0], draw(3)[1].values<float>()[0]);
  EXPECT_NE(draw(3)[0].values<float>()[0], draw(4)[0].values<float>()[0]);
}

TEST(Initializer, OrthogonalRowsAreOrthonormal) {
  for (const Shape& shape : {Shape{3, 5}, Shape{5, 3}}) {
    const Tensor w = make_initialized(Initializer::orthogonal(), shape, DType::f64);
    const int64_t rows = shape[0], columns = shape[1];
    const bool wide = rows < columns;
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        double dot = 0;
        for (int64_t k = 0; k < 5; ++k) {
          const int64_t a = wide ? i * columns + k : k * columns + i;
          const int64_t b = wide ? j * columns + k : k * columns + j;
          dot += w.values<double>()[static_cast<size_t>(a)] *
                 w.values<double>()[static_cast<size_t>(b)];
        }
        EXPECT_NEAR(dot, i == j ? 1 : 0, 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace nopad::nn
