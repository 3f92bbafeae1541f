#include "nopad/nn/time_distributed.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/group_norm.h"
#include "nopad/nn/lambda.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/sequential.h"
#include "nopad/ops/reduce.h"
#include "ragged_checks.h"
#include "random.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

RaggedTensor tokens(int64_t width) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::array<int64_t, 5>{3, 0, 1, 9, 4});
  return {test::Random(1).tensor({layout.num_tokens(), width}), layout};
}

TEST(TimeDistributed, EqualsKeras) {
  const test::RecordedCase recorded("layers/keras_embedding", "time_distributed_dense");
  const Linear linear({.units = 3}), gradients({.units = 3});
  linear.load_keras(recorded.weights(), "time_distributed/dense");
  gradients.load_keras(recorded.d_weights(), "time_distributed/dense");
  test::expect_as_recorded(TimeDistributed(linear), TimeDistributed(gradients), recorded, {},
                           [](const TimeDistributed&, const WeightSource&) {});
}

TEST(TimeDistributed, IsItsLayerOnEachToken) {
  const Linear linear({.units = 2});
  const TimeDistributed each(linear);
  test::expect_same_bits(each(tokens(3)).values(), linear(tokens(3)).values());
  EXPECT_EQ(each.parameters()[0].name, "layer.weight");
  test::expect_layer_gradients(each, {tokens(3)});
  const Linear other({.units = 5});
  const autograd::NoGradScope no_grad;
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return TimeDistributed(other)(x); },
                                  tokens(9));
}

// A token is a text of its own: words within sentences, sentences within documents.
TEST(TimeDistributed, TakesAWholeModelForEachToken) {
  const Sequential sentence{
      Embedding({.vocab = 5, .dim = 2, .mask_zero = true}),
      Lambda(MaskRule::reduces, [](const RaggedTensor& x) { return ops::mean_over_tokens(x); })};
  const RaggedTensor document(test::tensor_of<int32_t>({3, 2}, {1, 0, 2, 3, 0, 0}),
                              RaggedLayout::from_lengths(std::array<int64_t, 2>{2, 1}));
  const RaggedTensor out = TimeDistributed(sentence)(document);
  EXPECT_EQ(out.values().shape(), (Shape{3, 2}));
  EXPECT_EQ(out.layout(), document.layout());
  EXPECT_EQ(out.values().values<float>()[4], 0);  // an empty sentence
}

TEST(TimeDistributed, NoTokensAreABatchWithoutRows) {
  const TimeDistributed each{Linear({.units = 2})};
  const RaggedTensor out = each(RaggedTensor(Tensor::zeros({0, 3}), RaggedLayout()));
  EXPECT_EQ(out.values().shape(), (Shape{0, 2}));
}

TEST(TimeDistributed, RefusesWhatTakesTokensItself) {
  test::expect_error<LayoutError>(
      [] { TimeDistributed{GroupNorm()}; },
      "TimeDistributed: GroupNorm: expected a layer for dense values, whose rule is passes or "
      "refuses, got mixes; one that takes tokens needs no TimeDistributed");
  test::expect_error<OptionError>([] { TimeDistributed()(tokens(2)); },
                                  "TimeDistributed: layer: expected one, got none");
}

TEST(TimeDistributed, IsPartOfModels) {
  const Sequential model{TimeDistributed(Linear({.units = 4})), Linear({.units = 2})};
  model.build(Spec::ragged({3}));
  EXPECT_EQ(model.mask_rule(), MaskRule::passes);
  EXPECT_EQ(model.num_trained(), 4 * 3 + 4 + 2 * 4 + 2);
}

}  // namespace
}  // namespace nopad::nn
