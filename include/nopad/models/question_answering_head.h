// QuestionAnsweringHead: where in a text the answer to a question begins and ends.
#pragma once

#include <memory>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

class HeadLayers;  // private to this module

// How likely the answer begins at each token, and ends with it: [T] f32 each, over one layout.
struct AnswerLogits {
  RaggedTensor start = {};
  RaggedTensor end = {};
};

// The head of transformers' *ForQuestionAnswering: an output layer over each token, after a dense
// layer and a norm in ModernBERT. find_answers() reads what it gives. Copies share their weights.
class QuestionAnsweringHead {
 public:
  // What load() looks for.
  // Throws FormatError: a family that has no such head (NomicBERT, and GTE in transformers' spelling).
  static std::vector<ExpectedWeight> expected_weights(const io::ModelConfig& config);

  // source : as open_weights() gives it
  // Throws FormatError, see above; WeightError: weights missing or misshapen, all of them named.
  static QuestionAnsweringHead load(const io::ModelConfig& config, const WeightSource& source);

  // hidden : [T, D] f32 or bf16   last hidden state
  // Mask   : passes through (position-wise)
  // Edge   : an empty sequence has no tokens; a NaN stays in its token
  // Throws : ShapeError, tokens of another width; DTypeError
  AnswerLogits operator()(const RaggedTensor& hidden) const;

 private:
  explicit QuestionAnsweringHead(std::shared_ptr<const HeadLayers> layers)
      : layers_(std::move(layers)) {}
  std::shared_ptr<const HeadLayers> layers_;
};

}  // namespace nopad::models
