// Encoder: the transformer encoders of BERT's kind, over packed tokens.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/models/encoder_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/nn/kinds.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

// Embeddings of words, places and token types, then encoder layers, as the config says: BERT,
// RoBERTa, XLM-RoBERTa, CamemBERT, ALBERT, DistilBERT, MPNet, ELECTRA, ModernBERT, NomicBERT, GTE.
// Copies share their weights; const calls are safe from several threads.
// Source: transformers' *Model classes in eval mode; relative_key(_query) as its release 4 has them
class Encoder {
 public:
  // What load() looks for, by the names of transformers' *Model class.
  static std::vector<ExpectedWeight> expected_weights(const EncoderConfig& config);

  // Weights that the encoder has no use for, such as heads, are left alone.
  // source : as open_weights() gives it
  // Throws WeightError: weights missing or misshapen, all of them named; OptionError: bf16 without
  //        matrix tiles.
  static Encoder load(const EncoderConfig& config, const WeightSource& source, nn::Compute compute);

  const EncoderConfig& config() const noexcept;

  // token_ids : [T] i32 over its layout
  // type_ids  : [T] i32, 0 or 1 for the first or second text of a pair; empty means all 0. A model
  //             without token types takes no notice of them
  // return    : [T, D], the last hidden state; f32, or bf16 when the model computes in it
  // Mask      : mixes within the layout, keeps it
  // Edge      : empty sequences and empty batches give no rows
  // Throws    : InputError, an id outside its table; LimitError, more tokens than positions
  RaggedTensor operator()(const RaggedTensor& token_ids, const Tensor& type_ids = Tensor()) const;

  bool has_pooler() const noexcept;
  // tanh of a linear layer over each sequence's first token: what next-sentence heads read.
  // hidden : [T, D]   the last hidden state
  // return : [B, D] f32
  // Edge   : an empty sequence is pooled from zeros
  // Throws : WeightError, the checkpoint had no pooler
  Tensor pool(const RaggedTensor& hidden) const;

  // [V, E] f32, for decoders that share them.
  const Tensor& word_embeddings() const noexcept;

 private:
  struct Content;
  explicit Encoder(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

// The checkpoint of a directory by the names of transformers' *Model class: without the prefix that
// a head put before them ("bert.", "model.", ...), and out of the spelling of other code. Names of
// heads stay as they are.
// Throws: as io::open_checkpoint(); WeightError: a weight is there under two names, or can't be cut
//         into the parts that are stored as one.
std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& directory,
                                                 const EncoderConfig& config);

}  // namespace nopad::models
