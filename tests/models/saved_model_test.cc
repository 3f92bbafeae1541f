#include "nopad/models/saved_model.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <limits>
#include <thread>

#include "expect_error.h"
#include "io/scratch_directory.h"
#include "models/saved_layers.h"
#include "nopad/core/error.h"
#include "nopad/nn/drop_mask.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/lambda.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/merge.h"
#include "nopad/nn/model.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/reshape.h"
#include "nopad/nn/time_distributed.h"
#include "nopad/ops/arithmetic.h"

namespace nopad::models {
namespace {

using namespace nn;

TEST(SavedModel, EveryKindOfLayerComesBackWithItsSettingsAndBits) {
  const std::map<std::string, Model> saved = models_by_kind();
  for (const std::string& kind : LayerRegistry::standard().kinds()) {
    SCOPED_TRACE(kind);
    ASSERT_TRUE(saved.contains(kind)) << "has no model in saved_layers.h";
    expect_same_after_loading(saved.at(kind));
  }
}

TEST(SavedModel, ASequentialComesBackAsOne) {
  const test::ScratchDirectory scratch;
  const Sequential model{Embedding({.vocab = 9, .dim = 4, .mask_zero = true}), LSTM({.units = 3})};
  model.build(Spec::dense({kAny}, DType::i32));
  save_model(model, scratch / "model");
  const auto loaded = load_model_as<Sequential>(scratch / "model");
  expect_same_bits(loaded(padded_ids()), model(padded_ids()));
  EXPECT_EQ(loaded.num_layers(), 2u);
  EXPECT_FALSE(loaded.is_training());
  EXPECT_EQ(to_string(loaded.summary()), to_string(model.summary()));
}

TEST(SavedModel, InputsOutputsAndNestedModelsComeBack) {
  const Symbol ids = input("ids", Spec::ragged({}, DType::i32));
  const Symbol features = input("features", Spec::ragged({4}), ids);
  const Symbol other = input("other", Spec::dense({2}));
  const Symbol inner_input = input("x", Spec::ragged({4}));
  const Model inner(inner_input, Linear({.units = 4})(inner_input));
  const Symbol sum = Add()(Embedding({.vocab = 9, .dim = 4})(ids), inner(features));
  const Sequential pooled{LSTM({.units = 3}), Linear({.units = 2})};
  const Model model({ids, features, other}, {sum, Add()(pooled(sum), other)});
  expect_same_after_loading(model);
}

TEST(SavedModel, ALayerInSeveralPlacesStaysOneLayer) {
  const test::ScratchDirectory scratch;
  const Linear shared({.units = 4});
  const Symbol x = input("x", Spec::ragged({4}));
  const Model model(x, shared(TimeDistributed(shared)(shared(x))));
  save_model(model, scratch.path());
  const auto loaded = load_model_as<Model>(scratch.path());
  const Layer& first = *loaded.steps()[1].call->layer;
  EXPECT_TRUE(loaded.steps()[3].call->layer->is_same(first));
  first.parameters()[0].parameter.assign(Tensor::zeros({4, 4}));
  const auto inside = loaded.steps()[2].call->layer->parameters();
  EXPECT_EQ(inside[0].parameter->values<float>()[0], 0);
}

TEST(SavedModel, WeightsInDoublePrecisionStayAsTheyAre) {
  const test::ScratchDirectory scratch;
  const Sequential model{Linear({.units = 3})};
  model.to(DType::f64);
  model.build(Spec::dense({2}, DType::f64));
  save_model(model, scratch.path());
  const auto loaded = load_model(scratch.path());
  expect_same_bits(*loaded->parameters()[0].parameter, *model.parameters()[0].parameter);
}

TEST(SavedModel, NumbersBeyondTheFiniteOnesComeBack) {
  const test::ScratchDirectory scratch;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Sequential model{Linear({.units = 1}), DropMask({.fill = -kInfinity})};
  model.build(Spec::ragged({1}));
  save_model(model, scratch.path());
  const auto loaded = load_model_as<Sequential>(scratch.path());
  EXPECT_EQ(dynamic_cast<const DropMask&>(loaded.layer(1)).config().fill, -kInfinity);
}

// A layer as a user writes one.
class Shift : public TokenLayer<Shift> {
 public:
  Shift() : TokenLayer("Shift") {}
  explicit Shift(double by) : TokenLayer("Shift"), by_(by) {}
  void visit_config(ConfigVisitor& visitor) override { visitor.field("by", by_); }

 protected:
  Tensor call(const Tensor& rows) const override { return ops::add(rows, by_); }

 private:
  double by_ = 0;
};

TEST(SavedModel, ALayerOfOnesOwnIsRegistered) {
  const test::ScratchDirectory scratch;
  const Sequential model{Shift(0.1)};
  model.build(Spec::dense({2}));
  save_model(model, scratch.path());
  test::expect_error<FormatError>(
      [&] { load_model(scratch.path()); },
      (scratch / "config.json").string() +
          ": layers: 0 (Shift): expected a kind that is registered, got another one; a layer of "
          "one's own is added to a LayerRegistry");
  LayerRegistry registry = LayerRegistry::standard();
  registry.add<Shift>();
  const auto loaded = load_model_as<Sequential>(scratch.path(), registry);
  expect_same_bits(loaded(Tensor::zeros({1, 2})), model(Tensor::zeros({1, 2})));
}

TEST(SavedModel, WhatCanNotBeSavedIsNamed) {
  const test::ScratchDirectory scratch;
  test::expect_error<OptionError>(
      [&] { save_model(LSTM({.units = 2}), scratch.path()); },
      "save_model: model: expected a Sequential or a Model, got a LSTM; put it into a Sequential");
  test::expect_error<OptionError>(
      [&] { save_model(Sequential{LSTM({.units = 2})}, scratch.path()); },
      "Sequential: summary: expected a built model; call build, or the model");
  const Sequential lambda{
      Lambda(MaskRule::passes, Lambda::DenseFunction([](const Tensor& x) { return x; }))};
  lambda.build(Spec::dense({2}));
  EXPECT_THROW(save_model(lambda, scratch.path()), OptionError);
  const Linear linear({.units = 2});
  linear.build(std::vector{Spec::dense({2})});
  const Sequential frozen{linear.freeze(Compute::f32)};
  frozen.build(Spec::dense({2}));
  EXPECT_THROW(save_model(frozen, scratch.path()), OptionError);
  const Symbol bytes = input("\xFF", Spec::dense({2}));
  test::expect_error<InputError>(
      [&] { save_model(Model(bytes, Linear({.units = 1})(bytes)), scratch.path()); },
      "save_model: expected names and settings in UTF-8, got other bytes");
  EXPECT_EQ(scratch.num_files(), 0u);
}

TEST(SavedModel, AnotherModelThanExpectedIsNamed) {
  const test::ScratchDirectory scratch;
  save_model(linear_model(2), scratch.path());
  test::expect_error<FormatError>(
      [&] { load_model_as<Model>(scratch.path()); },
      scratch.path().string() + ": expected another model, got a Sequential");
}

// How many units the model in a directory has.
int64_t units_in(const std::filesystem::path& directory) {
  return load_model(directory)->parameters()[0].parameter->dim(0);
}

TEST(SavedModel, ASaveReplacesTheModelAndNothingElse) {
  const test::ScratchDirectory scratch;
  scratch.write("notes.txt", "mine");
  save_model(linear_model(2), scratch.path());
  save_model(linear_model(3), scratch.path());
  EXPECT_EQ(units_in(scratch.path()), 3);
  EXPECT_EQ(scratch.num_files(), 3u);
}

TEST(SavedModel, ASaveThatStoppedBetweenItsFilesLeavesTheOldModel) {
  const test::ScratchDirectory scratch;
  save_model(linear_model(2), scratch / "a");
  save_model(linear_model(3), scratch / "b");
  std::filesystem::rename(scratch / "a/model.safetensors", scratch / "a/model.safetensors.old");
  std::filesystem::rename(scratch / "b/model.safetensors", scratch / "a/model.safetensors");
  EXPECT_EQ(units_in(scratch / "a"), 2);
  save_model(linear_model(4), scratch / "a");
  EXPECT_EQ(units_in(scratch / "a"), 4);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a/model.safetensors.old"));
}

TEST(SavedModel, WeightsOfAnotherModelAreRefused) {
  const test::ScratchDirectory scratch;
  save_model(linear_model(2), scratch / "a");
  save_model(linear_model(3), scratch / "b");
  std::filesystem::rename(scratch / "b/model.safetensors", scratch / "a/model.safetensors");
  test::expect_error<FormatError>(
      [&] { load_model(scratch / "a"); },
      (scratch / "a/model.safetensors").string() +
          ": expected the weights that config.json was saved with, got those of another model");
}

TEST(SavedModel, AKilledSaveLeavesAWholeModel) {
  const test::ScratchDirectory scratch;
  save_model(linear_model(2), scratch.path());
  const std::array models{linear_model(2), linear_model(3)};
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (size_t i = 0;; ++i) save_model(models[i % 2], scratch.path());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(300 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const int64_t units = units_in(scratch.path());
    EXPECT_TRUE(units == 2 || units == 3) << units;
  }
  save_model(linear_model(5), scratch.path());
  EXPECT_EQ(units_in(scratch.path()), 5);
  EXPECT_EQ(scratch.num_files(), 2u);
}

TEST(SavedModel, LoadsWhileAnotherProcessSaves) {
  const test::ScratchDirectory scratch;
  save_model(linear_model(2), scratch.path());
  const std::array models{linear_model(2), linear_model(3)};
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0;; ++i) save_model(models[i % 2], scratch.path());
  }
  for (int i = 0; i < 50; ++i) EXPECT_NO_THROW(load_model(scratch.path()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace nopad::models
