// TokenClassifier: which class each token belongs to, e.g. the name of a person.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

class HeadLayers;  // private to this module

// The head of transformers' *ForTokenClassification of every family: an output layer over each token,
// after a dense layer and a norm in ModernBERT. Copies share their weights.
class TokenClassifier {
 public:
  // What load() looks for in this source: as many classes as its output layer has, or else as the
  // config has labels.
  // Throws FormatError: a family that has no such head.
  static std::vector<ExpectedWeight> expected_weights(const io::ModelConfig& config,
                                                      const WeightSource& source);

  // source : as open_weights() gives it
  // Throws FormatError: see above, and the config names another number of labels than the output
  //        layer has; WeightError: weights missing or misshapen, all of them named.
  static TokenClassifier load(const io::ModelConfig& config, const WeightSource& source);

  // [C] the names of the classes, as the config has them; without any LABEL_0, LABEL_1, ...
  const std::vector<std::string>& labels() const noexcept { return labels_; }

  // hidden : [T, D] f32 or bf16   last hidden state
  // return : [T, C] f32           logits; ops::softmax makes shares of one of them
  // Mask   : passes through (position-wise)
  // Edge   : an empty sequence has no tokens to classify; a NaN stays in its token
  // Throws : ShapeError, tokens of another width; DTypeError
  RaggedTensor operator()(const RaggedTensor& hidden) const;

 private:
  TokenClassifier() = default;

  std::shared_ptr<const HeadLayers> layers_;
  std::vector<std::string> labels_;
};

}  // namespace nopad::models
