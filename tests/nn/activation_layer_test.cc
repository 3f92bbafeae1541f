#include "nopad/nn/activation_layer.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/core/error.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/softmax.h"
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

TEST(ActivationLayer, AppliesItsFunction) {
  const Tensor x = test::tensor_of<float>({3}, {-1, 0, 2});
  EXPECT_EQ(test::list<float>(ActivationLayer()(x)), (std::vector<float>{0, 0, 2}));
}

TEST(ActivationLayer, EqualsPyTorch) {
  const std::vector<std::pair<std::string, Activation>> cases = {
      {"relu", Activation::relu}, {"gelu", Activation::gelu}, {"gelu_tanh", Activation::gelu_tanh},
      {"silu", Activation::silu}, {"tanh", Activation::tanh}, {"sigmoid", Activation::sigmoid}};
  for (const auto& [name, activation] : cases) {
    SCOPED_TRACE(name);
    const test::RecordedCase recorded("layers/torch_activations", name);
    Tensor x = recorded.tensor("input");
    autograd::require_grad(x);
    const Tensor out = ActivationLayer(activation)(x);
    test::expect_close(autograd::detach(out), recorded.tensor("output"), test::kRecorded);
    test::expect_close(autograd::backward(out, recorded.tensor("d_output")).of(x),
                       recorded.tensor("d_input"), test::kRecordedGradient);
  }
}

TEST(ActivationLayer, GradientsAgreeWithDifferencesAndSequencesAreAlone) {
  const ActivationLayer gelu(Activation::gelu);
  test::expect_layer_gradients(gelu, {tokens(3)});
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return gelu(x); }, tokens(19));
}

TEST(Softmax, EqualsPyTorch) {
  const test::RecordedCase recorded("layers/torch_activations", "softmax");
  Tensor x = recorded.tensor("input");
  autograd::require_grad(x);
  const Tensor out = Softmax()(x);
  test::expect_close(autograd::detach(out), recorded.tensor("output"), test::kRecorded);
  test::expect_close(autograd::backward(out, recorded.tensor("d_output")).of(x),
                     recorded.tensor("d_input"), test::kRecordedGradient);
}

TEST(Softmax, AfterALinearItIsKerasDenseSoftmax) {
  const autograd::NoGradScope no_grad;
  const test::RecordedCase recorded("layers/keras_embedding", "dense_softmax");
  const Linear linear({.units = 3});
  linear.load_keras(recorded.weights(), "dense");
  const Sequential model{linear, Softmax()};
  test::expect_close(model(recorded.ragged("input")).values(), recorded.ragged("output").values(),
                     test::kRecorded);
}

TEST(Softmax, GradientsAgreeWithDifferencesAndSequencesAreAlone) {
  test::expect_layer_gradients(Softmax(), {tokens(3)});
  test::expect_batch_equals_alone([](const RaggedTensor& x) { return Softmax()(x); }, tokens(19));
}

TEST(Softmax, TheBatchIsNotAnAxisOfScores) {
  test::expect_error<ShapeError>([] { Softmax()(Tensor::zeros({3})); },
                                 "Softmax: input: expected rows of scores, [..., C], got [3]");
}

}  // namespace
}  // namespace nopad::nn
