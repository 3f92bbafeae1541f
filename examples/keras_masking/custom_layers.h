// The notebook's own layers. Each derives from the kind that says what it does to the mask.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nopad/nn/embedding.h"
#include "nopad/nn/kinds.h"
#include "nopad/nn/lstm.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/embedding.h"
#include "nopad/ops/tokens.h"
#include "nopad/ragged/padded.h"

namespace nopad::examples {

// Padded ids in, one row per sequence out. The mask begins and ends inside: nobody hands it on.
class MyLayer : public nn::DenseLayer<MyLayer> {
 public:
  MyLayer() : DenseLayer("MyLayer") {}

  void load_keras(const WeightSource& source, const std::string& prefix) const {
    embedding_.load_keras(source, prefix + "embedding");
    lstm_.load_keras(source, prefix + "lstm");
  }

 protected:
  Tensor call(const Tensor& ids) const override { return lstm_(embedding_(ids)).h; }

 private:
  nn::Embedding embedding_ =
      add_layer("embedding", nn::Embedding({.vocab = 5000, .dim = 16, .mask_zero = true}));
  nn::LSTM lstm_ = add_layer("lstm", nn::LSTM({.units = 32}));
};

// makes: the mask is the layout of the ids that are not 0.
class CustomEmbedding : public nn::MaskingLayer<CustomEmbedding> {
 public:
  struct Config {
    int64_t input_dim = 0;
    int64_t output_dim = 0;
    bool mask_zero = false;
  };
  CustomEmbedding() : CustomEmbedding(Config()) {}
  explicit CustomEmbedding(const Config& config)
      : MaskingLayer("CustomEmbedding"), config_(config) {}

  void visit_config(nn::ConfigVisitor& visitor) override {
    visitor.field("input_dim", config_.input_dim);
    visitor.field("output_dim", config_.output_dim);
    visitor.field("mask_zero", config_.mask_zero);
  }

 protected:
  void make_weights(std::span<const nn::Spec>) const override {
    embeddings_.initialize({config_.input_dim, config_.output_dim}, nn::Initializer::normal(0.05f));
  }
  RaggedTensor call(const Tensor& ids) const override {
    const Tensor keep = config_.mask_zero ? ops::not_equal(ids, 0) : ops::greater_equal(ids, 0);
    return ops::embedding(*embeddings_, from_padded(ids, keep));
  }
  // Ids that come with a layout keep it, but for the zeros.
  RaggedTensor call(const RaggedTensor& ids) const override {
    if (!config_.mask_zero) return ops::embedding(*embeddings_, ids);
    const auto keep = TokenMask::from_tensor(ids.layout(), ops::not_equal(ids.values(), 0));
    return ops::embedding(*embeddings_, ops::drop_tokens(ids, keep));
  }

 private:
  Config config_;
  nn::Parameter embeddings_ = add_parameter("embeddings");
};

// relays: two halves of the time, each under its own half of the mask.
class TemporalSplit : public nn::RelayingLayer<TemporalSplit> {
 public:
  TemporalSplit() : RelayingLayer("TemporalSplit") {}

 protected:
  std::vector<RaggedTensor> call(const RaggedTensor& x) const override {
    return ops::split_columns(x, 2);
  }
};

// The broken one: it splits as well, and says that the mask goes through as it is.
class Default : public nn::LayerOf<Default> {
 public:
  Default() : LayerOf("Default") {}
  nn::MaskRule mask_rule() const noexcept override { return nn::MaskRule::mixes; }

 protected:
  std::vector<nn::Value> call_values(std::span<const nn::Value> inputs) const override {
    const std::vector<RaggedTensor> halves = ops::split_columns(inputs[0].ragged(kind()), 2);
    return {halves[0], halves[1]};
  }
};

// reduces: how many tokens each sequence has. The mask is there without a parameter for it.
class MaskConsumer : public nn::ReducingLayer<MaskConsumer> {
 public:
  MaskConsumer() : ReducingLayer("MaskConsumer") {}

 protected:
  Tensor call(const RaggedTensor& x) const override { return x.layout().lengths(); }
};

}  // namespace nopad::examples
