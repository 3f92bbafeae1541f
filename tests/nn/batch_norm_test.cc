#include "nopad/nn/batch_norm.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>

#include "nn/layer_gradients.h"
#include "nn/recorded_layer.h"
#include "nopad/autograd/record.h"
#include "nopad/nn/model.h"
#include "nopad/nn/sequential.h"
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

BatchNorm built(const BatchNorm::Config& config, int64_t width) {
  const BatchNorm norm(config);
  const Spec spec = Spec::ragged({width});
  norm.build({&spec, 1});
  return norm;
}

Tensor value_of(const BatchNorm& norm, const std::string& name) {
  for (const auto& parameter : norm.parameters()) {
    if (parameter.name == name) return *parameter.parameter;
  }
  ADD_FAILURE() << "no parameter " << name;
  return {};
}

TEST(BatchNorm, TakesTheBatchsStatisticsInTrainingAndTheRunningOnesLater) {
  const autograd::NoGradScope no_grad;
  const BatchNorm norm({.rate = 0.5, .eps = 0});
  const Tensor x = test::tensor_of<float>({2, 1}, {1, 3});
  test::expect_close(norm(x), x, test::kF32);  // running statistics of 0 and 1
  norm.train();
  test::expect_close(norm(x), test::tensor_of<float>({2, 1}, {-1, 1}), test::kF32);
  EXPECT_EQ(test::list<float>(value_of(norm, "running_mean")), std::vector<float>{1});
  EXPECT_EQ(test::list<float>(value_of(norm, "running_var")), std::vector<float>{1.5f});
  norm.eval();
  test::expect_close(norm(x), test::tensor_of<float>({2, 1}, {0, 2 / std::sqrt(1.5f)}), test::kF32);
}

TEST(BatchNorm, ABatchWithoutTokensLeavesTheRunningStatisticsAlone) {
  const BatchNorm norm = built({}, 2);
  norm.train();
  norm(tokens(2));
  const Tensor mean = value_of(norm, "running_mean"), variance = value_of(norm, "running_var");
  const RaggedTensor out = norm(RaggedTensor(
      Tensor::zeros({0, 2}), RaggedLayout::from_lengths(std::array<int64_t, 2>{0, 0})));
  test::expect_same_bits(value_of(norm, "running_mean"), mean);
  test::expect_same_bits(value_of(norm, "running_var"), variance);
  const auto gradients = autograd::backward(out.values(), Tensor::zeros({0, 2}));
  test::expect_same_bits(gradients.of(value_of(norm, "weight")), Tensor::zeros({2}));
}

// As after one step of training in the framework.
void expect_running_as_recorded(const BatchNorm& norm, const Tensor& mean, const Tensor& variance) {
  test::expect_close(value_of(norm, "running_mean"), mean, test::kRecorded);
  test::expect_close(value_of(norm, "running_var"), variance, test::kRecorded);
}

TEST(BatchNorm, EqualsPyTorch) {
  const auto load = [](const BatchNorm& norm, const WeightSource& source) {
    for (const auto& [name, parameter] : norm.parameters()) {
      if (source.contains(name)) parameter.assign(source.load(name));
    }
  };
  for (const bool training : {false, true}) {
    const test::RecordedCase recorded("layers/torch_norms",
                                      training ? "batch_norm_training" : "batch_norm_inference");
    const BatchNorm::Config config = BatchNorm::Config::pytorch(0.3);
    const BatchNorm norm = built(config, 6);
    const BatchNorm gradients = built(config, 6);
    norm.train(training);
    load(norm, recorded.weights());
    const RaggedTensor x = recorded.ragged("input");
    Tensor leaf = x.values();
    autograd::require_grad(leaf);
    const RaggedTensor out = norm(x.with_values(leaf));
    test::expect_close(autograd::detach(out.values()), recorded.ragged("output").values(),
                       test::kRecorded);
    const auto found = autograd::backward(out.values(), recorded.ragged("d_output").values());
    test::expect_close(found.of(leaf), recorded.ragged("d_input").values(),
                       test::kRecordedGradient);
    load(gradients, recorded.d_weights());
    for (const char* const name : {"weight", "bias"}) {
      test::expect_close(found.of(value_of(norm, name)),
                         autograd::detach(value_of(gradients, name)), test::kRecordedGradient);
    }
    if (!training) continue;
    expect_running_as_recorded(norm, recorded.tensor("weights_after.running_mean"),
                               recorded.tensor("weights_after.running_var"));
  }
}

TEST(BatchNorm, EqualsKeras) {
  const std::string prefix = "batch_normalization";
  for (const bool training : {false, true}) {
    const test::RecordedCase recorded("layers/keras_norms", training
                                                                ? "batch_normalization_training"
                                                                : "batch_normalization_inference");
    const BatchNorm norm(BatchNorm::Config::keras(0.7));
    norm.load_keras(recorded.weights(), prefix);
    norm.train(training);
    const RaggedTensor x = recorded.ragged("input");
    Tensor leaf = x.values();
    autograd::require_grad(leaf);
    const RaggedTensor out = norm(x.with_values(leaf));
    test::expect_close(autograd::detach(out.values()), recorded.ragged("output").values(),
                       test::kRecorded);
    const auto found = autograd::backward(out.values(), recorded.ragged("d_output").values());
    test::expect_close(found.of(leaf), recorded.ragged("d_input").values(),
                       test::kRecordedGradient);
    const test::RecordedWeights expected = recorded.d_weights();
    test::expect_close(found.of(value_of(norm, "weight")), expected.load(prefix + "/gamma"),
                       test::kRecordedGradient);
    test::expect_close(found.of(value_of(norm, "bias")), expected.load(prefix + "/beta"),
                       test::kRecordedGradient);
    if (!training) continue;
    expect_running_as_recorded(
        norm, recorded.tensor("weights_after.batch_normalization/moving_mean"),
        recorded.tensor("weights_after.batch_normalization/moving_variance"));
  }
}

TEST(BatchNorm, GradientsAgreeWithDifferences) {
  const BatchNorm norm;
  norm(tokens(3));
  test::expect_layer_gradients(norm, {tokens(3)});
  norm.train();
  test::expect_layer_gradients(norm, {tokens(3)});
}

TEST(BatchNorm, ASequenceInABatchIsTheSequenceAloneButInTraining) {
  const autograd::NoGradScope no_grad;
  const BatchNorm norm;
  test::expect_batch_equals_alone([&](const RaggedTensor& x) { return norm(x); }, tokens(9));
  norm.train();
  const RaggedTensor x = tokens(9);
  EXPECT_NE(norm(x).values().values<float>()[0],
            norm(test::alone(x, 0)).values().values<float>()[0]);
}

TEST(BatchNorm, BuffersAreNotTrainedAndBuildingLeavesThemAlone) {
  const Sequential model{BatchNorm()};
  model.train();
  const Symbol x = input("x", Spec::ragged({3}));
  const BatchNorm norm;
  norm.train();
  norm(x);
  EXPECT_TRUE(norm.is_training());
  test::expect_same_bits(value_of(norm, "running_mean"), Tensor::zeros({3}));
  EXPECT_EQ(norm.num_trained(), 6);
  EXPECT_EQ(norm.parameters().size(), 4u);
  EXPECT_FALSE(autograd::needs_grad(value_of(norm, "running_mean")));
}

}  // namespace
}  // namespace nopad::nn
