// Whole models as Keras computes them, their masks made, passed and consumed along the way.
#include <gtest/gtest.h>

#include "nn/recorded_layer.h"
#include "nopad/nn/bidirectional.h"
#include "nopad/nn/embedding.h"
#include "nopad/nn/gru.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/lstm.h"
#include "nopad/nn/masking.h"
#include "nopad/nn/merge.h"
#include "nopad/nn/model.h"
#include "nopad/nn/pooling.h"
#include "nopad/nn/sequential.h"
#include "nopad/nn/softmax.h"
#include "nopad/nn/time_distributed.h"

namespace nopad::nn {
namespace {

using test::RecordedCase;

const Embedding::Config kEmbedding{.vocab = 10, .dim = 4, .mask_zero = true};

// Two of the same make, one to run and one to hold the recorded gradients.
template <class Net>
void expect_as_keras(const std::string& name, const test::RecordedCall& call) {
  const Net net, gradients;
  const auto load = [&](const Layer& to, const WeightSource& source) {
    (to.is_same(net.model) ? net : gradients).load(source);
  };
  test::expect_as_recorded(net.model, gradients.model, RecordedCase("layers/keras_models", name),
                           call, load);
}

struct Classifier {
  Embedding embedding{kEmbedding};
  LSTM lstm{{.units = 3}};
  Dense dense{{.units = 2}};
  Sequential model{embedding, lstm, dense, Softmax()};

  void load(const WeightSource& source) const {
    embedding.load_keras(source, "sequential/embedding");
    lstm.load_keras(source, "sequential/lstm");
    dense.load_keras(source, "sequential/dense");
  }
};

TEST(KerasModels, EmbeddingLstmDense) {
  expect_as_keras<Classifier>("sequential", {.inputs = {"ids"}, .input_keep = ""});
}

struct Averaged {
  Embedding embedding{kEmbedding};
  Bidirectional lstm{LSTM({.units = 3, .return_sequences = true})};
  Dense dense{{.units = 2, .activation = Activation::tanh}};
  Sequential model{embedding, lstm, GlobalAveragePooling1D(), dense};

  void load(const WeightSource& source) const {
    embedding.load_keras(source, "embedding");
    lstm.load_keras(source, "bidirectional");
    dense.load_keras(source, "dense");
  }
};

TEST(KerasModels, EmbeddingBidirectionalMeanDense) {
  expect_as_keras<Averaged>("averaged", {.inputs = {"ids"}, .input_keep = ""});
}

struct TwoInputs {
  Embedding embedding{kEmbedding};
  Bidirectional gru{GRU({.units = 3, .return_sequences = true})};
  Dense tags{{.units = 4}}, label{{.units = 2}};
  LSTM lstm{{.units = 3}};
  Model model = make();

  Model make() const {
    const Symbol ids = input("ids", Spec::dense({kAny}, DType::i32));
    const Symbol features = input("features", Spec::dense({kAny, 3}));
    const Concatenate concatenate({.merge_masks = MergeMasks::any});
    const Symbol hidden = gru(concatenate(embedding(ids), Masking()(features)));
    return Model({ids, features}, {TimeDistributed(tags)(hidden), label(lstm(hidden))});
  }
  void load(const WeightSource& source) const {
    embedding.load_keras(source, "embedding");
    gru.load_keras(source, "bidirectional");
    tags.load_keras(source, "tags/dense");
    lstm.load_keras(source, "lstm");
    label.load_keras(source, "label");
  }
};

TEST(KerasModels, TwoInputsAndTwoOutputs) {
  expect_as_keras<TwoInputs>(
      "two_inputs",
      {.inputs = {"ids", "features"}, .outputs = {"tags", "label"}, .input_keep = ""});
}

}  // namespace
}  // namespace nopad::nn
