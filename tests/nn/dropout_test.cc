#include "nopad/nn/dropout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "expect_error.h"
#include "nopad/autograd/backward.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

RaggedTensor ones(const std::vector<int64_t>& lengths, int64_t width) {
  const RaggedLayout layout = RaggedLayout::from_lengths(lengths);
  return {make_initialized(Initializer::ones(), {layout.num_tokens(), width}, DType::f32), layout};
}

TEST(Dropout, DoesNothingOutOfTraining) {
  const Dropout dropout({.rate = 0.9});
  const RaggedTensor x = ones({3, 0, 5}, 4);
  test::expect_same_bits(dropout(x).values(), x.values());
  test::expect_same_bits(dropout(x.values()), x.values());
}

TEST(Dropout, InTrainingItDropsTheRateAndScalesTheRest) {
  const Dropout dropout({.rate = 0.25, .seed = 1});
  dropout.train();
  const RaggedTensor out = dropout(ones({500, 0, 500}, 16));
  const auto values = out.values().values<float>();
  const auto dropped = std::ranges::count(values, 0.0f);
  EXPECT_EQ(std::ranges::count(values, 1 / 0.75f) + dropped, std::ssize(values));
  EXPECT_NEAR(static_cast<double>(dropped), 4000, 200);  // 3.6 standard deviations
}

TEST(Dropout, EachCallDrawsAnewAndCopiesCountTogether) {
  const RaggedTensor x = ones({9}, 32);
  const Dropout dropout({.seed = 4}), again({.seed = 4});
  const Dropout copy = dropout;
  dropout.train();
  again.train();
  const Tensor first = dropout(x).values(), second = copy(x).values();
  EXPECT_NE(test::list<float>(first), test::list<float>(second));
  test::expect_same_bits(again(x).values(), first);
  test::expect_same_bits(again(x).values(), second);
}

TEST(Dropout, WithoutASeedEachLayerHasAnother) {
  EXPECT_NE(Dropout().config().seed, Dropout().config().seed);
  const auto draw = [] {
    const SeedScope scope(3);
    return Dropout().config().seed;
  };
  EXPECT_EQ(draw(), draw());
}

TEST(Dropout, GradientsTakeTheSameWay) {
  const Dropout dropout({.seed = 2});
  dropout.train();
  RaggedTensor x = ones({4, 0, 3}, 5);
  Tensor leaf = x.values();
  autograd::require_grad(leaf);
  const RaggedTensor out = dropout(x.with_values(leaf));
  const auto gradients = autograd::backward(out.values(), x.values());
  test::expect_same_bits(gradients.of(leaf), out.values());
}

TEST(Dropout, ASequenceKeepsItsDrawsWhateverItsNeighboursAre) {
  const Dropout dropout({.seed = 2}), again({.seed = 2});
  dropout.train();
  again.train();
  const Tensor mine = dropout(ones({2, 7}, 8)).sequence(1);
  test::expect_same_bits(again(ones({30, 7, 5}, 8)).sequence(1), mine);
}

TEST(Dropout, ADroppedNanIsGone) {
  const Dropout dropout({.rate = 1});
  dropout.train();
  const Tensor x = test::tensor_of<float>({2, 1}, {std::numeric_limits<float>::quiet_NaN(), 1});
  EXPECT_EQ(test::list<float>(dropout(x)), (std::vector<float>{0, 0}));
  EXPECT_EQ(dropout(Tensor::zeros({0, 3})).shape(), (Shape{0, 3}));
}

TEST(Dropout, IsPartOfModels) {
  const Sequential model{Dropout()};
  model.train();
  model.build(Spec::ragged({4}));
  EXPECT_EQ(model.mask_rule(), MaskRule::passes);
  EXPECT_NE(test::list<float>(model(ones({9}, 4)).values()),
            test::list<float>(ones({9}, 4).values()));
}

TEST(Dropout, ARateIsAChance) {
  test::expect_error<OptionError>([] { Dropout({.rate = 1.5}); },
                                  "Dropout: rate: expected 0 to 1, got 1.5");
  EXPECT_THROW(Dropout({.rate = std::nan("")}), OptionError);
}

}  // namespace
}  // namespace nopad::nn
