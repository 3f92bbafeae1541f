// SentenceHead: what follows the transformer: pooling, dense layers, normalisation.
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "nopad/core/activation.h"
#include "nopad/core/pooling.h"
#include "nopad/core/tensor.h"
#include "nopad/io/sentence_transformers.h"
#include "nopad/nn/linear.h"
#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad {

class SentenceHead {
 public:
  // modules      : as the directory lists them; empty for a plain transformers directory
  // hidden_size  : the width of the transformer's token vectors
  // pooling      : instead of the directory's; required where it has none
  // normalize    : instead of whether the directory ends with a Normalize
  // Throws OptionError: no pooling; FormatError: modules in an order that makes no vector;
  // WeightError: a dense layer's weights
  SentenceHead(std::span<const io::Module> modules, int64_t hidden_size,
               std::optional<Pooling> pooling, std::optional<bool> normalize);

  int64_t dim() const noexcept { return dim_; }
  // Whether a prompt's tokens take part in the pooling.
  bool includes_prompt() const noexcept { return includes_prompt_; }

  // hidden : [T, D]   keep : the tokens that take part   return : [B, dim()] f32
  Tensor operator()(const RaggedTensor& hidden, const TokenMask& keep) const;

 private:
  struct Dense {
    nn::Linear linear;
    Activation activation;
  };
  void add(const io::Module& module, std::optional<Pooling> pooling);

  int64_t dim_ = 0;
  bool includes_prompt_ = true;
  std::vector<Pooling> poolings_;  // side by side
  std::vector<std::variant<Dense, io::NormalizeModule>> steps_;
};

}  // namespace nopad
