// NextSentenceHead: whether the second text of a pair follows the first.
#pragma once

#include <memory>
#include <vector>

#include "nopad/core/weight_source.h"
#include "nopad/io/model_config.h"
#include "nopad/models/weight_report.h"

namespace nopad::models {

class HeadLayers;  // private to this module

// A linear layer over the pooled output: BERT's next-sentence head, in which class 0 is "follows",
// and ALBERT's sentence-order head, in which class 0 is "in this order". Copies share their weights.
class NextSentenceHead {
 public:
  // Whether the family has such a head, and the source its weights.
  static bool is_in(const io::ModelConfig& config, const WeightSource& source);

  // What load() looks for.
  // Throws FormatError: a family that has no such head.
  static std::vector<ExpectedWeight> expected_weights(const io::ModelConfig& config);

  // source : as open_weights() gives it
  // Throws FormatError, see above; WeightError: weights missing or misshapen, all of them named.
  static NextSentenceHead load(const io::ModelConfig& config, const WeightSource& source);

  // pooled : [B, D] f32   as Encoder::pool() gives it; of an empty sequence that is a row like others
  // return : [B, 2] f32   logits
  // Mask   : ignores (a row per sequence is left)
  // Throws : ShapeError, rows of another width; DTypeError
  Tensor operator()(const Tensor& pooled) const;

 private:
  explicit NextSentenceHead(std::shared_ptr<const HeadLayers> layers)
      : layers_(std::move(layers)) {}
  std::shared_ptr<const HeadLayers> layers_;
};

}  // namespace nopad::models
