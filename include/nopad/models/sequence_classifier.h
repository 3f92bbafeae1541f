// SequenceClassifier: which classes a text, or a pair of texts, belongs to; and how well a pair fits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nopad/core/pooling.h"
#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"
#include "nopad/ragged/tensor.h"

namespace nopad::models {

class HeadLayers;  // private to this module

// What makes scores of logits.
enum class ScoreFunction { identity, sigmoid, softmax };

// "identity", ...
std::string_view to_string(ScoreFunction function) noexcept;

// The head of transformers' *ForSequenceClassification of every family: one row per sequence (its
// first token's, or ModernBERT's mean), a dense layer and an output layer. Copies share their
// weights.
class SequenceClassifier {
 public:
  // What load() looks for in this source: as many classes as its output layer has, or else as the
  // config has labels.
  // Throws FormatError: a family that has no such head.
  static std::vector<ExpectedWeight> expected_weights(const io::ModelConfig& config,
                                                      const WeightSource& source);

  // source : as open_weights() gives it
  // Throws FormatError: see above, and the config names another number of labels than the output
  //        layer has; WeightError: weights missing or misshapen, all of them named.
  static SequenceClassifier load(const io::ModelConfig& config, const WeightSource& source);

  // [C] the names of the classes, as the config has them; without any LABEL_0, LABEL_1, ...
  const std::vector<std::string>& labels() const noexcept { return labels_; }

  // hidden : [T, D] f32 or bf16   last hidden state
  // return : [B, C] f32           logits
  // Mask   : consumes the layout, ends it
  // Edge   : an empty sequence is classified from a row of zeros
  // Throws : ShapeError, tokens of another width; DTypeError
  Tensor operator()(const RaggedTensor& hidden) const;

  // How the config's problem_type makes scores of logits: single_label_classification by softmax;
  // multi_label_classification, or a single class, by sigmoid; regression not at all. Without one,
  // sigmoid for a single class, else softmax.
  // Source : transformers' TextClassificationPipeline
  ScoreFunction score_function() const noexcept { return score_function_; }
  // The same where pairs are ranked: what the config's sentence_transformers.activation_fn names;
  // without it, sigmoid for a single class, else not at all.
  // Source : sentence-transformers' CrossEncoder
  ScoreFunction rerank_function() const noexcept { return rerank_function_; }

  // logits : [B, C] f32
  // return : [B, C] f32, by score_function() or rerank_function()
  // Mask   : ignores (a row per sequence is left)
  Tensor scores(const Tensor& logits) const;
  Tensor rerank_scores(const Tensor& logits) const;

 private:
  SequenceClassifier() = default;

  std::shared_ptr<const HeadLayers> layers_;
  Pooling pooling_ = Pooling::cls;
  std::vector<std::string> labels_;
  ScoreFunction score_function_ = ScoreFunction::softmax;
  ScoreFunction rerank_function_ = ScoreFunction::identity;
};

}  // namespace nopad::models
