// SparseHead: a weight for each word of the vocabulary, by which texts are found (SPLADE).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "nopad/models/masked_lm_head.h"
#include "nopad/ragged/tensor.h"
#include "nopad/ragged/token_mask.h"

namespace nopad::models {

// What becomes of a logit: `relu` is log(1 + max(x, 0)), `log1p_relu` is log(1 + that).
enum class SparseActivation { relu, log1p_relu };
// What becomes of a sequence's tokens.
enum class SparsePooling { max, sum };

// The names users type, as sentence-transformers spells them: "relu", "log1p_relu", "max", "sum".
std::string_view to_string(SparseActivation activation) noexcept;
std::string_view to_string(SparsePooling pooling) noexcept;
// Throws OptionError: not one of those names.
SparseActivation sparse_activation_from_string(std::string_view name);
SparsePooling sparse_pooling_from_string(std::string_view name);

// A masked-language-model head, and each sequence's largest (or summed) activation of each word.
// Source : https://arxiv.org/abs/2109.10086, sentence-transformers' SpladePooling
class SparseHead {
 public:
  struct Config {
    SparseActivation activation = SparseActivation::relu;
    SparsePooling pooling = SparsePooling::max;
  };
  explicit SparseHead(MaskedLmHead head) : SparseHead(std::move(head), Config()) {}
  SparseHead(MaskedLmHead head, const Config& config) : head_(std::move(head)), config_(config) {}

  const Config& config() const noexcept { return config_; }
  int64_t vocab_size() const noexcept { return head_.vocab_size(); }

  // hidden : [T, D] f32 or bf16   last hidden state
  // keep   : which tokens take part; all of them in the first form
  // return : [B, V] f32           0 or more
  // Mask   : consumes the layout and keep, and ends them
  // Edge   : a sequence of which nothing takes part gives zeros; a NaN shows in its own sequence,
  //          one of a token that takes no part nowhere
  // Throws : LayoutError, keep is over another layout; ShapeError; DTypeError
  // Cost   : scratch of 64 tokens' logits, whatever T
  Tensor operator()(const RaggedTensor& hidden) const;
  Tensor operator()(const RaggedTensor& hidden, const TokenMask& keep) const;

 private:
  MaskedLmHead head_;
  Config config_;
};

}  // namespace nopad::models
