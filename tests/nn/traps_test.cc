// What masks do to users of other frameworks, each trap as a test that it is not here. Keras 3.15,
// PyTorch 2.15 and transformers 5.23 fall into them. tests/nn/padding_test.cc has NaN in padding.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "nn/recurrent_inputs.h"
#include "nopad/autograd/backward.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/batch_norm.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/multi_head_attention.h"
#include "nopad/nn/pooling.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/loss.h"
#include "nopad/ops/metrics.h"
#include "nopad/ops/operators.h"
#include "nopad/ops/select.h"
#include "nopad/ragged/convert.h"
#include "ragged_checks.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

RaggedTensor leaf(const RaggedTensor& x) {
  Tensor values = autograd::detach(x.values());
  autograd::require_grad(values);
  return x.with_values(values);
}

// Keras and transformers take what comes: a mask that is too short or too long, [B, T, 1], floats.
TEST(Traps, AMaskOfAnotherShapeOrTypeIsRefused) {
  const Tensor x = Tensor::zeros({2, 3, 4});
  EXPECT_THROW(from_padded(x, Tensor::zeros({2, 2}, DType::boolean)), ShapeError);
  EXPECT_THROW(from_padded(x, Tensor::zeros({2, 4}, DType::boolean)), ShapeError);
  EXPECT_THROW(from_padded(x, Tensor::zeros({2, 3, 1}, DType::boolean)), ShapeError);
  EXPECT_THROW(from_padded(x, Tensor::zeros({2, 3})), DTypeError);
  EXPECT_THROW(keep_from_torch_key_padding_mask(Tensor::zeros({2, 3})), DTypeError);
  EXPECT_THROW(keep_from_hf_attention_mask(test::tensor_of<float>({1, 2}, {0.75f, 1})), InputError);
  EXPECT_THROW(visible_from_sdpa_attn_mask(Tensor::zeros({2, 3})), DTypeError);
}

// PyTorch packs lengths beyond the batch and fails later.
TEST(Traps, ALengthBeyondTheBatchIsRefused) {
  const Tensor x = Tensor::zeros({2, 4, 1});
  const std::array<int64_t, 2> lengths = {6, 2};
  EXPECT_THROW(pack_padded_sequence(x, lengths, {.batch_first = true}), LayoutError);
  EXPECT_THROW(from_padded(x, lengths), LayoutError);
}

// .byte() masks of old notebooks: PyTorch refuses them, too, since they once meant two things.
TEST(Traps, AByteIsNoMask) {
  EXPECT_THROW(ops::masked_fill(Tensor::zeros({2}), Tensor::zeros({2}, DType::u8), 0), DTypeError);
}

// x + mha(x) has no mask in Keras, and the mean after it counts padding.
TEST(Traps, AnOperatorKeepsTheMask) {
  const RaggedTensor x = test::random_tokens({4, 0, 2}, 4);
  const MultiHeadAttention attention({.num_heads = 2});
  const RaggedTensor sum = x + attention(x);
  EXPECT_TRUE(sum.layout() == x.layout());
  for (int64_t b = 0; b < 3; ++b) {
    const RaggedTensor alone = test::alone(x, b);
    test::expect_same_bits(autograd::detach(GlobalAveragePooling1D()(sum)).rows(b, b + 1),
                           autograd::detach(GlobalAveragePooling1D()(alone + attention(alone))));
  }
}

// Zeros, a uniform average, or NaN: elsewhere it depends on the path and the dtype.
TEST(Traps, AQueryThatSeesNothingIsZeroBeforeTheOutputProjectionInEveryDtype) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const RaggedTensor query(test::random_tokens({2}, 4).values().to(dtype),
                             RaggedLayout::from_lengths(std::vector<int64_t>{2}));
    const RaggedTensor memory(Tensor::zeros({0, 4}, dtype),
                              RaggedLayout::from_lengths(std::vector<int64_t>{0}));
    const RaggedTensor scores = ops::attention(query, memory, memory, {.num_heads = 2});
    test::expect_same_bits(scores.values(), Tensor::zeros({2, 4}, dtype));
    const MultiHeadAttention attention({.num_heads = 2});
    attention.to(dtype);
    const RaggedTensor out = attention(query, memory);
    const Tensor bias = autograd::detach(*test::parameter_of(attention, "out_proj.bias"));
    for (int64_t row = 0; row < 2; ++row) {
      test::expect_same_bits(autograd::detach(out.values()).rows(row, row + 1),
                             bias.reshape({1, 4}));
    }
  }
}

// Rows that were packed into one attend to each other in transformers, if a cache is left on.
TEST(Traps, PackedSequencesDoNotSeeEachOther) {
  const RaggedTensor x = test::random_tokens({3, 5}, 4);
  RaggedTensor other = test::random_tokens({3, 5}, 4, 9);
  Tensor mixed = Tensor::from_values<float>(x.values().values<float>(), x.values().shape());
  std::ranges::copy(other.sequence(1).values<float>(),
                    mixed.rows(3, 8).mutable_values<float>().begin());
  const MultiHeadAttention attention({.num_heads = 2});
  test::expect_same_bits(autograd::detach(attention(x.with_values(mixed)).values()).rows(0, 3),
                         autograd::detach(attention(x).values()).rows(0, 3));
}

// Keras' losses weigh padding with 0, and 0 times NaN is NaN.
TEST(Traps, ALossDoesNotFeelWhatTakesNoPart) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::vector<int64_t>{2, 1});
  const RaggedTensor logits =
      leaf({test::tensor_of<float>({3, 2}, {1, 2, kNan, kNan, 0, 3}), layout});
  const RaggedTensor targets(test::tensor_of<int64_t>({3}, {0, 1, 1}), layout);
  const auto keep = TokenMask::from_tensor(layout, test::bools({3}, {1, 0, 1}));
  const ops::LossSum loss = ops::cross_entropy(logits, targets, {}, &keep);
  EXPECT_EQ(loss.count, 2);
  const Tensor d_logits = autograd::backward(loss.mean()).of(logits.values());
  for (const float value : d_logits.values<float>()) EXPECT_TRUE(std::isfinite(value));
  test::expect_same_bits(d_logits.rows(1, 2), Tensor::zeros({1, 2}));
  const RaggedTensor terms = ops::cross_entropy_per_token(logits, targets, {}, &keep);
  EXPECT_EQ(autograd::detach(terms.values()).values<float>()[1], 0.0f);
}

// Everything masked is NaN in PyTorch.
TEST(Traps, ALossOfNothingIsZeroWithZeroGradients) {
  const RaggedLayout layout = RaggedLayout::from_lengths(std::vector<int64_t>{0, 2});
  const RaggedTensor logits = leaf({test::tensor_of<float>({2, 2}, {1, 2, 3, 4}), layout});
  const RaggedTensor targets(test::tensor_of<int64_t>({2}, {-100, -100}), layout);
  const Tensor mean = ops::cross_entropy(logits, targets).mean();
  EXPECT_EQ(mean.values<float>()[0], 0.0f);
  test::expect_same_bits(autograd::backward(mean).of(logits.values()), Tensor::zeros({2, 2}));
}

// A mean of means weighs the tokens of a short batch more.
TEST(Traps, TwoMicroBatchesAreOneBatch) {
  const RaggedTensor x = test::random_tokens({4, 1, 0, 3}, 3);
  const std::vector<int64_t> labels{0, 1, 2, 0, 1, 2, 0, 1};
  const RaggedTensor targets(test::tensor_of<int64_t>({8}, labels), x.layout());
  const auto part = [](const RaggedTensor& batch, int64_t begin, int64_t end,
                       std::vector<int64_t> lengths) {
    return RaggedTensor(batch.values().rows(begin, end), RaggedLayout::from_lengths(lengths));
  };
  const RaggedTensor first = part(x, 0, 5, {4, 1}), second = part(x, 5, 8, {0, 3});
  const RaggedTensor first_targets = part(targets, 0, 5, {4, 1});
  const RaggedTensor second_targets = part(targets, 5, 8, {0, 3});
  const ops::LossSum whole = ops::cross_entropy(x, targets);
  const ops::LossSum parts =
      ops::cross_entropy(first, first_targets) + ops::cross_entropy(second, second_targets);
  EXPECT_EQ(whole.count, parts.count);
  test::expect_close(parts.mean(), whole.mean(), test::kF32);
  ops::Accuracy accuracy = ops::accuracy(first, first_targets);
  accuracy += ops::accuracy(second, second_targets);
  EXPECT_EQ(accuracy, ops::accuracy(x, targets));
}

// Of a padded batch, whatever its padding holds, loss and accuracy are those of its tokens.
TEST(Traps, LossAndMetricsCountRealTokensOnly) {
  const RaggedTensor x = test::random_tokens({4, 1, 0, 3}, 3);
  const RaggedTensor targets(test::tensor_of<int64_t>({8}, {0, 1, 2, 0, 1, 2, 0, 1}), x.layout());
  const std::array<int64_t, 4> lengths = {4, 1, 0, 3};
  const RaggedTensor again = from_padded(to_padded(x, {.fill = 100}), lengths);
  const RaggedTensor targets_again = from_padded(to_padded(targets), lengths);
  EXPECT_EQ(ops::accuracy(again, targets_again), ops::accuracy(x.values(), targets.values()));
  test::expect_same_bits(ops::cross_entropy(again, targets_again).mean(),
                         ops::cross_entropy(x.values(), targets.values()).mean());
}

// Keras' negative ids index from the end, and JAX' unknown ones give NaN.
TEST(Traps, AnIdOutsideTheVocabularyIsRefused) {
  const Embedding embedding({.vocab = 5, .dim = 2, .mask_zero = true});
  EXPECT_THROW(embedding(test::tensor_of<int32_t>({1, 2}, {1, -1})), InputError);
  EXPECT_THROW(embedding(test::tensor_of<int32_t>({1, 2}, {1, 5})), InputError);
}

// In Keras a batch of padding alone pulls the running statistics to 0.
TEST(Traps, ABatchNormOfNothingLearnsNothing) {
  const BatchNorm norm;
  norm.train();
  norm(test::random_tokens({3}, 2));
  const Tensor before = *test::parameter_of(norm, "running_mean");
  const Tensor copy = Tensor::from_values<float>(before.values<float>(), before.shape());
  norm(test::random_tokens({0, 0}, 2));
  test::expect_same_bits(*test::parameter_of(norm, "running_mean"), copy);
}

}  // namespace
}  // namespace nopad::nn
