#include "nopad/nn/embedding.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/sequential.h"
#include "ragged_checks.h"
#include "tolerance.h"
#include "written_tensors.h"

namespace nopad::nn {
namespace {

Tensor padded_ids() {
  return test::tensor_of<int32_t>({3, 4}, {2, 1, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0});
}

RaggedTensor ragged_ids() {
  return {test::tensor_of<int32_t>({6}, {2, 0, 1, 3, 1, 2}),
          RaggedLayout::from_lengths(std::array<int64_t, 4>{3, 0, 1, 2})};
}

// Row i holds i and 10 i.
Embedding counting(bool mask_zero) {
  const Embedding embedding({.vocab = 4, .dim = 2, .mask_zero = mask_zero});
  const Spec spec = Spec::ragged({}, DType::i32);
  embedding.build({&spec, 1});
  embedding.parameters()[0].parameter.assign(
      test::tensor_of<float>({4, 2}, {0, 0, 1, 10, 2, 20, 3, 30}));
  return embedding;
}

TEST(Embedding, MaskZeroTakesTheZerosOut) {
  const RaggedTensor out = counting(true)(padded_ids());
  EXPECT_EQ(test::list<float>(out.values()), (std::vector<float>{2, 20, 1, 10, 3, 30, 1, 10}));
  test::expect_same_bits(out.layout().keep(),
                         test::bools({3, 4}, {1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}));
}

TEST(Embedding, WithoutItEveryColumnIsAToken) {
  const RaggedTensor out = counting(false)(padded_ids());
  EXPECT_EQ(out.values().shape(), (Shape{12, 2}));
  EXPECT_EQ(test::list<int64_t>(out.layout().lengths()), (std::vector<int64_t>{4, 4, 4}));
}

TEST(Embedding, RaggedIdsKeepTheirLayoutButForTheZeros) {
  EXPECT_EQ(counting(false)(ragged_ids()).layout(), ragged_ids().layout());
  const RaggedTensor out = counting(true)(ragged_ids());
  EXPECT_EQ(test::list<int64_t>(out.layout().lengths()), (std::vector<int64_t>{2, 0, 1, 2}));
  EXPECT_EQ(out.values().values<float>()[2], 1);
}

TEST(Embedding, EqualsKeras) {
  const test::RecordedCase recorded("layers/keras_embedding", "embedding");
  const Embedding embedding({.vocab = 10, .dim = 3, .mask_zero = true});
  embedding.load_keras(recorded.weights(), "embedding");
  const RaggedTensor out = embedding(recorded.tensor("ids"));
  test::expect_same_bits(out.layout().keep(), recorded.tensor("keep"));
  test::expect_close(autograd::detach(out.values()), recorded.ragged("output").values(),
                     test::kExact);
  const auto gradients = autograd::backward(out.values(), recorded.ragged("d_output").values());
  test::expect_close(gradients.of(*embedding.parameters()[0].parameter),
                     recorded.d_weights().load("embedding/embeddings"), test::kRecordedGradient);
}

TEST(Embedding, EqualsPyTorch) {
  for (const char* const name : {"embedding", "embedding_padding_idx"}) {
    SCOPED_TRACE(name);
    const test::RecordedCase recorded("layers/torch_linear", name);
    const RaggedTensor ids = recorded.ragged("ids");
    const Embedding embedding({.vocab = 11, .dim = 5});
    embedding(ids);
    embedding.load(recorded.weights());
    const RaggedTensor out = embedding(ids);
    test::expect_close(autograd::detach(out.values()), recorded.ragged("output").values(),
                       test::kExact);
    const auto gradients = autograd::backward(out.values(), recorded.ragged("d_output").values());
    // Padding ids get no gradient in PyTorch; here there are none, unless one is a real token.
    const auto found = gradients.of(*embedding.parameters()[0].parameter);
    const auto expected = recorded.d_weights().load("weight");
    test::expect_close(found.rows(1, 11), expected.rows(1, 11), test::kRecordedGradient);
  }
}

TEST(Embedding, GradientsAgreeWithDifferences) {
  test::expect_layer_gradients(Embedding({.vocab = 4, .dim = 3, .mask_zero = true}),
                               {padded_ids()});
  test::expect_layer_gradients(Embedding({.vocab = 4, .dim = 3}), {ragged_ids()});
}

TEST(Embedding, ThePaddingsRowGetsNoGradient) {
  const Embedding embedding = counting(true);
  const RaggedTensor out = embedding(padded_ids());
  const auto gradients = autograd::backward(
      out.values(), make_initialized(Initializer::ones(), out.values().shape(), DType::f32));
  EXPECT_EQ(test::list<float>(gradients.of(*embedding.parameters()[0].parameter)),
            (std::vector<float>{0, 0, 2, 2, 1, 1, 1, 1}));
}

TEST(Embedding, ASequenceInABatchIsTheSequenceAlone) {
  const autograd::NoGradScope no_grad;
  for (const bool mask_zero : {false, true}) {
    const Embedding embedding = counting(mask_zero);
    test::expect_batch_equals_alone([&](const RaggedTensor& ids) { return embedding(ids); },
                                    ragged_ids());
  }
}

TEST(Embedding, NoTokensGiveNoRowsAndAZeroGradient) {
  const Embedding embedding = counting(true);
  for (const Shape& shape : {Shape{0, 4}, Shape{2, 0}, Shape{2, 3}}) {
    const RaggedTensor out = embedding(Tensor::zeros(shape, DType::i64));
    EXPECT_EQ(out.values().shape(), (Shape{0, 2}));
    EXPECT_EQ(out.layout().num_sequences(), shape[0]);
    const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 2}));
    test::expect_same_bits(gradients.of(*embedding.parameters()[0].parameter),
                           Tensor::zeros({4, 2}));
  }
}

TEST(Embedding, BeginsModels) {
  const Sequential model{Embedding({.vocab = 4, .dim = 2, .mask_zero = true})};
  model.build(Spec::dense({kAny}, DType::i32));
  EXPECT_EQ(model.mask_rule(), MaskRule::makes);
  EXPECT_EQ(model(padded_ids()).ragged().layout().num_tokens(), 4);
}

TEST(Embedding, SaysWhatDoesNotFit) {
  const Embedding embedding = counting(true);
  test::expect_error<InputError>(
      [&] {
        embedding(test::tensor_of<int32_t>({1, 3}, {1, 4, 0}));
      },
      "embedding: ids: expected 0 to 3, got 4 at 1");
  test::expect_error<InputError>(
      [&] {
        embedding(test::tensor_of<int32_t>({1, 3}, {-1, 2, 0}));
      },
      "embedding: ids: expected 0 to 3, got -1 at 0");
  test::expect_error<DTypeError>(
      [&] {
        embedding(Tensor::zeros({1, 3}));
      },
      "Embedding: ids: expected i32 or i64, got f32");
  test::expect_error<ShapeError>([&] { embedding(Tensor::zeros({3}, DType::i32)); },
                                 "Embedding: ids: expected [B, L], got [3]");
  test::expect_error<OptionError>([] { Embedding({.vocab = 3})(padded_ids()); },
                                  "Embedding: vocab, dim: expected 1 or more of each, got 3 and 0");
}

}  // namespace
}  // namespace nopad::nn
