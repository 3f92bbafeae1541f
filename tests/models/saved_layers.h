// A model for each kind of layer, with settings that are not the defaults, and checks that a saved
// model comes back.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "io/scratch_directory.h"
#include "nopad/models/saved_model.h"
#include "nopad/nn/activation_layer.h"
#include "nopad/nn/batch_norm.h"
#include "nopad/nn/bidirectional.h"
#include "nopad/nn/conv1d.h"
#include "nopad/nn/drop_mask.h"
#include "nopad/nn/dropout.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/group_norm.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/masking.h"
#include "nopad/nn/merge.h"
#include "nopad/nn/model.h"
#include "nopad/nn/multi_head_attention.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/reshape.h"
#include "nopad/nn/rms_norm.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/simple_rnn.h"
#include "nopad/nn/softmax.h"
#include "nopad/nn/time_distributed.h"
#include "nopad/nn/transformer.h"

namespace nopad::models {

inline Tensor padded_ids() {
  return Tensor::from_values<int32_t>(std::vector<int32_t>{3, 8, 0, 1, 0, 0}, {2, 3});
}

// A Linear over two features, built.
inline nn::Sequential linear_model(int64_t units) {
  nn::Sequential model{nn::Linear({.units = units})};
  model.build(nn::Spec::dense({2}));
  return model;
}

// A batch of four sequences that an input takes; ids are 0 and 1.
inline nn::Value value_for(const nn::Spec& spec) {
  const auto layout = RaggedLayout::from_lengths(std::vector<int64_t>{3, 0, 1, 5});
  std::vector<int64_t> dims{spec.is_ragged ? layout.num_tokens() : layout.num_sequences()};
  for (const int64_t dim : spec.row) dims.push_back(dim == nn::kAny ? 5 : dim);
  Tensor out = Tensor::empty(Shape(dims), DType::f32);
  float next = 0.1f;
  for (float& value : out.mutable_values<float>()) value = next = 3.9f * next * (1 - next);
  if (spec.dtype != DType::f32) {
    for (float& value : out.mutable_values<float>()) value = value < 0.6f ? 0.0f : 1.0f;
  }
  Tensor values = out.to(spec.dtype);
  if (spec.is_ragged) return RaggedTensor(std::move(values), layout);
  return values;
}

inline void expect_same_bits(const nn::Value& actual, const nn::Value& expected) {
  ASSERT_EQ(actual.is_ragged(), expected.is_ragged());
  if (actual.is_ragged()) {
    EXPECT_EQ(actual.ragged().layout(), expected.ragged().layout());
  }
  const Tensor &a = actual.values(), &b = expected.values();
  ASSERT_EQ(a.shape(), b.shape());
  ASSERT_EQ(a.dtype(), b.dtype());
  EXPECT_EQ(std::memcmp(a.bytes(), b.bytes(), a.num_bytes()), 0);
}

// Saves, loads, and compares weights, results, summary and what is saved anew.
inline void expect_same_after_loading(const nn::Model& model) {
  const test::ScratchDirectory scratch;
  save_model(model, scratch / "once");
  const auto loaded = load_model_as<nn::Model>(scratch / "once");
  const auto before = model.parameters(), after = loaded.parameters();
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_EQ(after[i].parameter.is_trained(), before[i].parameter.is_trained());
    expect_same_bits(*after[i].parameter, *before[i].parameter);
  }
  std::vector<nn::Value> inputs;
  for (const nn::Symbol& input : model.inputs()) inputs.push_back(value_for(input.spec()));
  const std::vector<nn::Value> expected = model(inputs), actual = loaded(inputs);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) expect_same_bits(actual[i], expected[i]);
  EXPECT_EQ(to_string(loaded.summary()), to_string(model.summary()));
  save_model(loaded, scratch / "twice");
  EXPECT_EQ(test::content_of(scratch / "twice/config.json"),
            test::content_of(scratch / "once/config.json"));
}

// A model of one layer. No weight is one that a new layer begins with.
inline nn::Model model_of(const nn::Layer& layer, std::vector<nn::Spec> specs) {
  std::vector<nn::Symbol> inputs;
  for (const nn::Spec& spec : specs) {
    const bool shares = !inputs.empty() && spec.is_ragged;
    inputs.push_back(shares ? nn::input("more", spec, inputs[0]) : nn::input("input", spec));
  }
  nn::Model model(inputs, layer.apply(std::span<const nn::Symbol>(inputs)));
  for (const auto& [name, parameter] : model.parameters()) {
    parameter.assign(value_for(nn::Spec::dense({parameter->num_elements()}))
                         .dense()
                         .rows(1, 2)
                         .reshape(parameter->shape()));
  }
  return model;
}

inline std::map<std::string, nn::Model> models_by_kind() {
  using namespace nn;
  const Spec tokens = Spec::ragged({4}), rows = Spec::dense({4});
  const Spec ids = Spec::dense({kAny}, DType::i32);
  const MergeConfig any{.merge_masks = MergeMasks::any};
  std::map<std::string, Model> models;
  const auto add = [&](const Layer& layer, std::vector<Spec> specs) {
    models.emplace(layer.kind(), model_of(layer, std::move(specs)));
  };
  add(ActivationLayer(Activation::gelu_tanh), {tokens});
  add(Dropout({.rate = 0.25, .seed = 7}), {tokens});
  add(Softmax(), {tokens});
  add(Linear({.units = 3, .use_bias = false, .activation = Activation::tanh}), {tokens});
  add(LayerNorm({.eps = 1e-3f, .use_bias = false}), {tokens});
  add(RmsNorm({.eps = 0.1f}), {tokens});
  add(GroupNorm({.num_groups = 2, .eps = 0.1f, .use_gain = false}), {tokens});
  add(BatchNorm(BatchNorm::Config::keras(0.9)), {tokens});
  add(Embedding({.vocab = 9, .dim = 5, .mask_zero = true}), {ids});
  add(Masking({.mask_value = 0.5}), {Spec::dense({kAny, 3})});
  add(DropMask({.fill = -1.5}), {tokens});
  add(Flatten(), {Spec::dense({2, 3})});
  add(Reshape({.shape = {-1, 3}}), {Spec::dense({2, 3})});
  add(TimeDistributed(Sequential{Linear({.units = 6}), Reshape({.shape = {2, 3}})}), {tokens});
  add(Sequential{Linear({.units = 2}), Linear({.units = 3})}, {tokens});
  add(LSTM({.units = 3,
            .layers = 2,
            .bidirectional = true,
            .return_sequences = true,
            .return_state = true}),
      {tokens});
  add(GRU({.units = 3, .go_backwards = true}, ops::GruReset::before), {tokens});
  add(SimpleRNN({.units = 3, .use_bias = false}, Activation::relu), {tokens});
  add(Bidirectional(LSTM({.units = 3, .return_sequences = true}), BidirectionalMerge::ave),
      {tokens});
  add(Conv1D({.filters = 4,
              .kernel_size = 3,
              .strides = 2,
              .padding = WindowPadding::sides(2, 1),
              .groups = 2,
              .activation = Activation::relu}),
      {tokens});
  add(MaxPooling1D({.pool_size = 3, .strides = 1, .padding = WindowPadding::same()}), {tokens});
  add(AveragePooling1D({.padding = WindowPadding::sides(1, 0)}, ops::AverageOver::window),
      {tokens});
  add(GlobalAveragePooling1D(), {tokens});
  add(GlobalMaxPooling1D(), {tokens});
  add(FirstTokenPooling(), {tokens});
  add(LastTokenPooling(), {tokens});
  add(MultiHeadAttention({.num_heads = 2,
                          .key_dim = 3,
                          .value_dim = 5,
                          .output_dim = 6,
                          .pattern = AttentionPattern::window(1, 2)}),
      {tokens, tokens});
  add(TransformerEncoderLayer({.hidden_size = 4,
                               .num_heads = 2,
                               .intermediate_size = 6,
                               .activation = Activation::silu,
                               .norm_first = true,
                               .pattern = AttentionPattern::causal()}),
      {tokens});
  add(TransformerDecoderLayer({.hidden_size = 4,
                               .num_heads = 2,
                               .intermediate_size = 6,
                               .use_bias = false,
                               .pattern = AttentionPattern::window(2, 0)}),
      {tokens, tokens});
  add(Add(any), {tokens, tokens});
  add(Subtract(), {rows, rows});
  add(Multiply(any), {tokens, tokens});
  add(Average(), {tokens, tokens});
  add(Maximum({.broadcast_dense = true}), {tokens, rows});
  add(Minimum(), {rows, rows});
  add(Concatenate({.axis = ConcatAxis::tokens}), {tokens, tokens});
  return models;
}

}  // namespace nopad::models
