// Ops against what PyTorch and Keras gave; those behind layers are compared in tests/nn.
#include <gtest/gtest.h>

#include <string>

#include "nopad/autograd/backward.h"
#include "nopad/core/activation.h"
#include "nopad/ops/attention.h"
#include "nopad/ops/ctc.h"
#include "nopad/ops/elementwise.h"
#include "nopad/ops/loss.h"
#include "nopad/ops/metrics.h"
#include "nopad/ops/rearrange.h"
#include "nopad/ops/reduce.h"
#include "nopad/ops/softmax.h"
#include "nopad/ragged/convert.h"
#include "recorded_tensors.h"
#include "tolerance.h"

namespace nopad::ops {
namespace {

using test::RecordedCase;

inline constexpr test::Tolerance kGradient{1e-4, 0};

Tensor leaf(Tensor tensor) {
  autograd::require_grad(tensor);
  return tensor;
}

// `f` of the recorded input, and the gradient of the recorded loss to it.
template <class F>
void expect_recorded(const RecordedCase& recorded, F&& f) {
  const Tensor x = leaf(recorded.tensor("input"));
  const Tensor y = f(x);
  test::expect_close(autograd::detach(y), recorded.tensor("output"), test::kF32Model);
  const autograd::Gradients gradients = autograd::backward(y, recorded.tensor("d_output"));
  test::expect_close(gradients.of(x), recorded.tensor("d_input"), kGradient);
}

TEST(TorchActivations, AreReproduced) {
  const auto check = [](const char* name, Tensor (*f)(const Tensor&)) {
    SCOPED_TRACE(name);
    expect_recorded(RecordedCase("layers/torch_activations", name), f);
  };
  check("relu", [](const Tensor& x) { return relu(x); });
  check("gelu", [](const Tensor& x) { return gelu(x); });
  check("gelu_tanh", [](const Tensor& x) { return gelu_tanh(x); });
  check("silu", [](const Tensor& x) { return silu(x); });
  check("tanh", [](const Tensor& x) { return tanh(x); });
  check("sigmoid", [](const Tensor& x) { return sigmoid(x); });
  check("softplus", [](const Tensor& x) { return softplus(x); });
  check("leaky_relu", [](const Tensor& x) { return leaky_relu(x); });
  check("elu", [](const Tensor& x) { return elu(x); });
  check("softmax", [](const Tensor& x) { return softmax(x); });
  check("log_softmax", [](const Tensor& x) { return log_softmax(x); });
}

TEST(KerasSoftmax, HiddenEntriesWeighExactlyZero) {
  const RecordedCase recorded("layers/keras_attention", "softmax_masked");
  const Tensor keep = recorded.tensor("keep");
  expect_recorded(recorded, [&](const Tensor& x) { return masked_softmax(x, keep); });
}

// The recorded terms, their sum and mean, and the gradients of both. `per_sum` is how many terms of
// ours one of theirs is the mean of.
template <class Loss, class PerToken>
void expect_loss(const RecordedCase& recorded, Loss&& loss, PerToken&& per_token,
                 double per_sum = 1) {
  const RaggedLayout layout = recorded.layout();
  const RaggedTensor x(leaf(recorded.ragged("input").values()), layout);
  const LossSum total = loss(x);
  EXPECT_NEAR(static_cast<double>(total.sum.values<float>()[0]) / per_sum,
              static_cast<double>(recorded.tensor("sum").values<float>()[0]), 1e-5);
  test::expect_close(autograd::detach(total.mean()), recorded.tensor("mean"), test::kF32Model);
  test::expect_close(autograd::backward(total.mean()).of(x.values()),
                     recorded.ragged("d_input_of_mean").values(), kGradient);
  const autograd::NoGradScope no_grad;
  test::expect_close(per_token(x).values(), recorded.ragged("per_token").values(), test::kF32Model);
}

void expect_cross_entropy(const RecordedCase& recorded, int64_t ignore_index, double smoothing,
                          bool weighted) {
  CrossEntropyConfig config{.ignore_index = ignore_index, .label_smoothing = smoothing};
  if (weighted) config.class_weights = recorded.tensor("class_weights");
  const RaggedTensor targets = recorded.ragged("targets");
  expect_loss(
      recorded, [&](const RaggedTensor& x) { return cross_entropy(x, targets, config); },
      [&](const RaggedTensor& x) { return cross_entropy_per_token(x, targets, config); });
}

TEST(TorchLosses, CrossEntropy) {
  const auto check = [](const char* name, double smoothing, bool weighted) {
    SCOPED_TRACE(name);
    expect_cross_entropy(RecordedCase("layers/torch_losses", name), -100, smoothing, weighted);
  };
  check("cross_entropy", 0, false);
  check("cross_entropy_ignored", 0, false);
  check("cross_entropy_weights", 0, true);
  check("cross_entropy_smoothing", 0.1, false);
  check("cross_entropy_all_options", 0.1, true);
}

TEST(KerasLosses, CrossEntropyOfTokensThatAreNotMasked) {
  expect_cross_entropy(RecordedCase("layers/keras_losses", "sparse_categorical_crossentropy"), -100,
                       0, false);
  expect_cross_entropy(
      RecordedCase("layers/keras_losses", "sparse_categorical_crossentropy_ignored"), -1, 0, false);
}

TEST(TorchLosses, BinaryCrossEntropy) {
  const RecordedCase recorded("layers/torch_losses", "binary_cross_entropy");
  const RaggedTensor targets = recorded.ragged("targets");
  expect_loss(
      recorded, [&](const RaggedTensor& x) { return binary_cross_entropy_with_logits(x, targets); },
      [&](const RaggedTensor& x) {
        return binary_cross_entropy_with_logits_per_element(x, targets);
      });
}

// Keras averages the features of a token, of which there is one.
RaggedTensor without_features(const RaggedTensor& x) {
  return x.with_values(squeeze(x.values(), -1));
}

TEST(KerasLosses, BinaryCrossEntropyFromLogitsAndFromProbabilities) {
  const RecordedCase logits("layers/keras_losses", "binary_crossentropy_logits");
  const RaggedTensor of_logits = logits.ragged("targets");
  expect_loss(
      logits, [&](const RaggedTensor& x) { return binary_cross_entropy_with_logits(x, of_logits); },
      [&](const RaggedTensor& x) {
        return without_features(binary_cross_entropy_with_logits_per_element(x, of_logits));
      });
  const RecordedCase chances("layers/keras_losses", "binary_crossentropy_probabilities");
  const RaggedTensor of_chances = chances.ragged("targets");
  expect_loss(
      chances, [&](const RaggedTensor& x) { return binary_cross_entropy(x, of_chances); },
      [&](const RaggedTensor& x) {
        return without_features(binary_cross_entropy_per_element(x, of_chances));
      });
}

TEST(TorchLosses, MeanSquaredError) {
  const RecordedCase recorded("layers/torch_losses", "mean_squared_error");
  const RaggedTensor targets = recorded.ragged("targets");
  expect_loss(
      recorded, [&](const RaggedTensor& x) { return mean_squared_error(x, targets); },
      [&](const RaggedTensor& x) { return squared_error_per_element(x, targets); });
}

TEST(KerasLosses, MeanSquaredErrorIsTheMeanOfTokens) {
  const RecordedCase recorded("layers/keras_losses", "mean_squared_error");
  const RaggedTensor targets = recorded.ragged("targets");
  expect_loss(
      recorded, [&](const RaggedTensor& x) { return mean_squared_error(x, targets); },
      [&](const RaggedTensor& x) {
        const RaggedTensor errors = squared_error_per_element(x, targets);
        return errors.with_values(mean(errors.values(), -1));
      },
      3);
}

TEST(TorchLosses, CtcTakesItsLengthsFromTheLayouts) {
  const auto check = [](const char* name, int64_t blank) {
    SCOPED_TRACE(name);
    const RecordedCase recorded("layers/torch_losses", name);
    const RaggedTensor logits(leaf(recorded.ragged("logits").values()), recorded.layout());
    const RaggedTensor targets = recorded.ragged("targets", "target_keep");
    const LossSum total = ctc(logits, targets, {.blank = blank});
    test::expect_close(autograd::detach(total.sum), recorded.tensor("sum"), test::kF32Model);
    test::expect_close(autograd::detach(ctc_per_sequence(logits, targets, {.blank = blank})),
                       recorded.tensor("per_sequence"), test::kF32Model);
    test::expect_close(autograd::backward(total.sum).of(logits.values()),
                       recorded.ragged("d_logits_of_sum").values(), kGradient);
  };
  check("ctc", 0);
  check("ctc_last_blank", 4);
  check("ctc_impossible", 0);
}

TEST(KerasMetrics, CountTokensThatAreNotMasked) {
  const RecordedCase classes("layers/keras_losses", "sparse_categorical_accuracy");
  const RecordedCase binary("layers/keras_losses", "binary_accuracy");
  Accuracy of_classes;
  ConfusionCounts of_binary;
  for (const std::string batch : {"0", "1"}) {
    of_classes += accuracy(classes.ragged("input_" + batch, "keep_" + batch),
                           classes.ragged("targets_" + batch, "keep_" + batch));
    of_binary += binary_confusion(binary.ragged("input_" + batch, "keep_" + batch),
                                  binary.ragged("targets_" + batch, "keep_" + batch));
    EXPECT_NEAR(of_classes.value(),
                static_cast<double>(classes.tensor("result_" + batch).values<float>()[0]), 1e-6);
    EXPECT_NEAR(of_binary.accuracy().value(),
                static_cast<double>(binary.tensor("result_" + batch).values<float>()[0]), 1e-6);
  }
}

}  // namespace
}  // namespace nopad::ops
