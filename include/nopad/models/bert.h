// BertModel: the BERT encoder over packed tokens.
#pragma once

#include <optional>
#include <vector>

#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/nn/layer_norm.h"
#include "nopad/nn/linear.h"
#include "nopad/nn/transformer.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

// Embeddings of words, absolute positions and token types, then post-norm encoder layers.
// Source: https://arxiv.org/abs/1810.04805, transformers' BertModel in eval mode
class BertModel {
 public:
  // What load() looks for, by transformers' names without the prefix "bert.".
  static std::vector<ExpectedWeight> expected_weights(const io::BertConfig& config);

  // Weights of heads that BertModel has no use for are left alone.
  // Throws WeightError: weights missing or misshapen; OptionError: positions that are not absolute,
  // a decoder, or bf16 without matrix tiles.
  static BertModel load(const io::BertConfig& config, const WeightSource& source,
                        nn::Compute compute);

  const io::BertConfig& config() const noexcept { return config_; }

  // token_ids : [T] i32 over its layout
  // type_ids  : [T] i32, 0 or 1 for the first or second text of a pair; empty means all 0
  // return    : [T, D], the last hidden state; f32, or bf16 when the model computes in it
  // Mask      : mixes within the layout, keeps it
  // Edge      : empty sequences and empty batches give no rows
  // Throws    : InputError, an id outside its table; LimitError, more tokens than positions
  RaggedTensor operator()(const RaggedTensor& token_ids, const Tensor& type_ids = Tensor()) const;

  bool has_pooler() const noexcept { return pooler_.has_value(); }
  // tanh of a linear layer over each sequence's first token: what next-sentence heads read.
  // hidden : [T, D]   the last hidden state
  // return : [B, D] f32
  // Edge   : an empty sequence is pooled from zeros
  // Throws : WeightError, the checkpoint had no pooler
  Tensor pool(const RaggedTensor& hidden) const;

 private:
  io::BertConfig config_;
  nn::Compute compute_ = nn::Compute::f32;
  Tensor word_embeddings_, position_embeddings_, type_embeddings_;
  nn::LayerNorm embedding_norm_;
  std::vector<nn::TransformerEncoderLayer> layers_;
  std::optional<nn::Linear> pooler_;
};

}  // namespace nopad::models
