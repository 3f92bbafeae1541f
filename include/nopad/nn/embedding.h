// Embedding: a vector for each token id, and the padding mask from the ids that are 0.
#pragma once

#include <cstdint>
#include <string_view>

#include "nopad/nn/kinds.h"

namespace nopad::nn {

// ids    : [B, L] i32 or i64, padded; or [T] over a layout   return : [T, dim] over a layout
// Mask   : produces the layout of the ids that are not 0 where mask_zero is set, and of all columns
//          otherwise. Ragged ids keep their layout, but for zeros that mask_zero takes out.
// Edge   : no ids give no rows, and the weight a zero gradient
// Throws : InputError, an id outside 0 to vocab - 1; DTypeError; ShapeError; OptionError, vocab or
//          dim below 1
// Weights: weight [vocab, dim], uniform within 0.05
// Source : keras.layers.Embedding, torch.nn.Embedding. With mask_zero Keras keeps computing on the
//          padding's row 0; here it is gone, and gets no gradient.
class Embedding : public MaskingLayer<Embedding> {
 public:
  struct Config {
    int64_t vocab = 0;
    int64_t dim = 0;
    bool mask_zero = false;
  };
  Embedding() : Embedding(Config()) {}
  explicit Embedding(const Config& config) : MaskingLayer("Embedding"), config_(config) {}

  // Takes Keras' `prefix`/embeddings.
  void load_keras(const WeightSource& source, std::string_view prefix) const;

  const Config& config() const noexcept { return config_; }
  void visit_config(ConfigVisitor& visitor) override;

 protected:
  void make_weights(std::span<const Spec> inputs) const override;
  RaggedTensor call(const Tensor& padded) const override;
  RaggedTensor call(const RaggedTensor& x) const override;

 private:
  Config config_;
  Parameter weight_ = add_parameter("weight");
};

}  // namespace nopad::nn
