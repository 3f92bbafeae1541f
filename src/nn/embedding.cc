#include "nopad/nn/embedding.h"

#include "nn/keras_weights.h"
#include "nopad/core/error.h"
#include "nopad/ops/arithmetic.h"
#include "nopad/ops/embedding.h"
#include "nopad/ops/tokens.h"
#include "nopad/ragged/padded.h"

namespace nopad::nn {
namespace {

void expect_ids(const Tensor& ids, int rank, std::string_view shape) {
  if (ids.rank() != rank) {
    fail<ShapeError>("Embedding: ids: expected ", shape, ", got ", ids.shape());
  }
  if (ids.dtype() != DType::i32 && ids.dtype() != DType::i64) {
    fail<DTypeError>("Embedding: ids: expected i32 or i64, got ", ids.dtype());
  }
}

}  // namespace

void Embedding::load_keras(const WeightSource& source, std::string_view prefix) const {
  weight_.assign(
      load_weight(source, join_keras(prefix, "embeddings"), {config_.vocab, config_.dim}));
}

void Embedding::make_weights(std::span<const Spec>) const {
  if (config_.vocab < 1 || config_.dim < 1) {
    fail<OptionError>("Embedding: vocab, dim: expected 1 or more of each, got ", config_.vocab,
                      " and ", config_.dim);
  }
  weight_.initialize({config_.vocab, config_.dim}, Initializer::uniform(0.05f));
}

RaggedTensor Embedding::call(const Tensor& padded) const {
  expect_ids(padded, 2, "[B, L]");
  // Without mask_zero every column holds a token.
  const Tensor keep = config_.mask_zero ? ops::not_equal(padded, 0) : ops::equal(padded, padded);
  return ops::embedding(*weight_, from_padded(padded, keep));
}

RaggedTensor Embedding::call(const RaggedTensor& x) const {
  expect_ids(x.values(), 1, "[T]");
  if (!config_.mask_zero) return ops::embedding(*weight_, x);
  const Tensor keep = ops::not_equal(x.values(), 0);
  return ops::embedding(*weight_, ops::drop_tokens(x, TokenMask::from_tensor(x.layout(), keep)));
}

void Embedding::visit_config(ConfigVisitor& visitor) {
  visitor.field("vocab", config_.vocab);
  visitor.field("dim", config_.dim);
  visitor.field("mask_zero", config_.mask_zero);
}

}  // namespace nopad::nn
