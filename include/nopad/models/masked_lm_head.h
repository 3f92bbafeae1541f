// MaskedLmHead: how likely each word of the vocabulary stands at a token.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

class HeadLayers;  // private to this module

// A dense layer, an activation, a norm, and a decoder into the vocabulary: the head of transformers'
// *ForMaskedLM, and the first of its *ForPreTraining, of every family. Copies share their weights.
class MaskedLmHead {
 public:
  // What load() looks for in this source, by the spellings that it holds. A decoder that it does
  // not hold is the word embeddings, unless the config says that the two are not tied.
  // Throws FormatError: a family that has no such head.
  static std::vector<ExpectedWeight> expected_weights(const io::ModelConfig& config,
                                                      const WeightSource& source);

  // source : as open_weights() gives it
  // Throws FormatError, see above; WeightError: weights missing or misshapen, all of them named.
  static MaskedLmHead load(const io::ModelConfig& config, const WeightSource& source);

  int64_t vocab_size() const noexcept;  // V

  // hidden : [N, D] f32 or bf16   last hidden states of any tokens, e.g. of the masked ones alone
  // return : [N, V] f32           logits
  // Mask   : passes through (position-wise)
  // Edge   : no rows give no rows; a NaN stays in its row
  // Throws : ShapeError, rows of another width; DTypeError
  Tensor operator()(const Tensor& hidden) const;
  RaggedTensor operator()(const RaggedTensor& hidden) const {
    return hidden.with_values((*this)(hidden.values()));
  }

 private:
  explicit MaskedLmHead(std::shared_ptr<const HeadLayers> layers) : layers_(std::move(layers)) {}
  std::shared_ptr<const HeadLayers> layers_;
};

}  // namespace nopad::models
