#include "nopad/nn/sequential.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/toy_layers.h"
#include "nopad/core/error.h"
#include "tolerance.h"

namespace nopad::nn {
namespace {

Tensor padded() {
  return Tensor::from_values<float>(std::vector<float>{1, 2, 3, 4, 0, 0, 0, 0, 0}, {3, 3});
}

TEST(Sequential, RunsItsLayersOneAfterAnother) {
  const Sequential model{Positive(), Scale(3), Scale(2)};
  const Value out = model(padded());
  test::expect_close(out.values().values<float>(), std::vector<float>{6, 12, 18, 24}, test::kExact);
  EXPECT_EQ(out.ragged().layout().length(2), 0);
}

TEST(Sequential, ParametersAreNamedByTheirLayer) {
  const Scale shared;
  const Sequential model{Positive(), shared, Scale(), shared};
  model(padded());
  const auto parameters = model.parameters();
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].name, "scale.factor");
  EXPECT_EQ(parameters[1].name, "scale_2.factor");
}

TEST(Sequential, AMaskThatWouldBeLostDoesNotBuild) {
  test::expect_error<LayoutError>(
      [] { Sequential(Positive(), Scale(), DenseOnly()); },
      "Sequential: DenseOnly: takes dense values only, and the mask that Positive gives would be "
      "lost; pool the tokens first, or end the mask on purpose with DropMask");
  test::expect_error<LayoutError>(
      [] { Sequential(Positive(), Count(), Count()); },
      "Sequential: Count: its rule is reduces, so it needs tokens and their layout, and gets the "
      "dense result of Count");
}

TEST(Sequential, IsALayerWithTheRuleOfItsChain) {
  EXPECT_EQ(Sequential(Scale(), Scale()).mask_rule(), MaskRule::passes);
  EXPECT_EQ(Sequential(Positive(), Scale()).mask_rule(), MaskRule::makes);
  EXPECT_EQ(Sequential(Scale(), Count()).mask_rule(), MaskRule::reduces);
  EXPECT_EQ(Sequential(Positive(), Count()).mask_rule(), MaskRule::refuses);
  EXPECT_EQ(Sequential(HeadAndTail()).mask_rule(), MaskRule::relays);
  const Sequential nested{Sequential(Positive(), Scale(5)), Count()};
  EXPECT_EQ(nested(padded()).dense().values<int64_t>()[0], 3);
  EXPECT_EQ(nested.parameters()[0].name, "sequential.scale.factor");
}

TEST(Sequential, TrainReachesEveryLayer) {
  const Scale scale;
  const Sequential model{Positive(), Sequential(scale)};
  model.train();
  EXPECT_TRUE(scale.is_training());
  model.eval();
  EXPECT_FALSE(scale.is_training());
}

TEST(Sequential, TheSummaryShowsShapesAndWhereMasksBeginAndEnd) {
  const Sequential model{Positive(), Scale(), Count()};
  test::expect_error<OptionError>(
      [&] { model.summary(); },
      "Sequential: summary: expected a built model; call build, or the model");
  model.build(Spec::dense({kAny}));
  EXPECT_EQ(to_string(model.summary()),
            "layer                output      trained  mask        from\n"
            "input                [B, ?] f32  0\n"
            "positive (Positive)  [T] f32     0        made        input\n"
            "scale (Scale)        [T] f32     1        passed      positive\n"
            "count (Count)        [B] i64     0        used, ends  scale\n"
            "trained: 1, fixed: 0\n");
}

}  // namespace
}  // namespace nopad::nn
